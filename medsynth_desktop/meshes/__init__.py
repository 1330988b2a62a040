"""Surfaces: volume to triangles in patient millimetres, checks, decimation, files. The only user of VTK."""
