"""Bridge from the engine to Qt and napari: the only room of the engine that imports either.

`bridge` gives panels the open workbench and polls it on the window's thread; `panel.Panel` is what every
panel derives from; `viewer` puts volumes and surfaces into napari rightly; the other files are one shared
widget each.
"""
