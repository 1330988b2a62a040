"""VTK's flying edges and windowed-sinc smoothing, in voxel indices. Importing this module imports VTK.

VTK releases Python's lock while it works, so a window stays alive beside it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkSMPTools
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D, vtkWindowedSincPolyDataFilter

vtkSMPTools.SetBackend("STDThread")
"""The wheels start with the sequential backend: this one uses every core."""

_NATIVE = {np.dtype(t) for t in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64")}


def triangles(array: np.ndarray, level: float, outside: float) -> Any:
    """Triangulate the boundary of ``array >= level``.

    Parameters
    ----------
    array
        (x, y, z) real numbers.
    level
        Above ``outside``.
    outside
        Value of the one voxel that is laid around the array, so that every surface closes.

    Returns
    -------
    vtkPolyData
        Vertices in voxel indices of ``array``; triangles wound so that normals point to lower values.
    """
    dtype = array.dtype.newbyteorder("=")
    if dtype not in _NATIVE:
        dtype = (
            np.dtype(np.uint8)
            if dtype.kind == "b"
            else np.dtype(np.float64 if dtype.itemsize > 4 else np.float32)
        )
    padded = np.full([n + 2 for n in array.shape], outside, dtype=dtype, order="F")
    padded[1:-1, 1:-1, 1:-1] = array
    image = vtkImageData()
    image.SetDimensions(*padded.shape)
    image.SetOrigin(-1.0, -1.0, -1.0)
    scalars = numpy_to_vtk(padded.ravel(order="F"), deep=False)  # x runs fastest in VTK
    image.GetPointData().SetScalars(scalars)
    edges = vtkFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, level)
    edges.ComputeNormalsOff()
    edges.ComputeGradientsOff()
    edges.ComputeScalarsOff()
    edges.Update()
    return edges.GetOutput()


def smoothed(mesh: Any, iterations: int, pass_band: float) -> Any:
    """Low-pass the vertex positions of ``mesh``.

    The filter averages neighbours with equal weights, which commutes with any affine map: smoothing in voxel
    indices and then going to millimetres is the same as the other way round.
    """
    sinc = vtkWindowedSincPolyDataFilter()
    sinc.SetInputData(mesh)
    sinc.SetNumberOfIterations(iterations)
    sinc.SetPassBand(pass_band)
    sinc.FeatureEdgeSmoothingOff()
    sinc.BoundarySmoothingOff()
    sinc.NonManifoldSmoothingOff()
    sinc.NormalizeCoordinatesOn()
    sinc.Update()
    return sinc.GetOutput()


def as_arrays(mesh: Any) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (n, 3) and triangles (m, 3) of a ``vtkPolyData``, copied out of VTK's memory."""
    if mesh.GetNumberOfPolys() == 0:
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int64)
    vertices = vtk_to_numpy(mesh.GetPoints().GetData()).copy()
    faces = vtk_to_numpy(mesh.GetPolys().GetConnectivityArray()).reshape(-1, 3).copy()
    return vertices, faces
