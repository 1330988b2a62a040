"""The Mesh panel: surfaces of samples and images, shown in 3D and saved."""
