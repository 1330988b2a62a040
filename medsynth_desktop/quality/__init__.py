"""How good and how varied synthetic images are: FID, KID, precision and recall, MS-SSIM, reconstruction.

Numbers without torch are in `frechet`, `kernel` and `manifold`; `structure` asks MONAI; `measure` brings them together.
"""
