"""What the `evaluate` signatures return of each example; analysis reads them by these names."""

SEPARATION_SCALARS = (
    *("loss", "identity_loss", "psnr", "ssim"),
    *("score_error", "control_accuracy"),
)
CLASSIFICATION_SCALARS = ("cross_entropy", "accuracy", "mixed_accuracy")
