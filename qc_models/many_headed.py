"""A small network for pictures with one head for each output: MONAI's residual network, narrow, over a shared average."""

from collections.abc import Sequence

from monai.networks.nets.resnet import ResNet
from torch import Tensor, nn

from qc_models.model_outputs import Output


class ManyHeaded(nn.Module):
    """From [B, 1, rows, columns] to a tuple of raw numbers [B, classes], one for each output."""

    def __init__(
        self, outputs: Sequence[Output], widths: tuple[int, ...] = (32, 64, 128, 256), dropout: float = 0.2
    ) -> None:
        super().__init__()
        self.body = ResNet(
            block="basic",
            layers=[1] * len(widths),
            block_inplanes=list(widths),
            spatial_dims=2,
            n_input_channels=1,
            conv1_t_size=7,
            conv1_t_stride=2,
            feed_forward=False,
        )
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleList(nn.Linear(widths[-1], len(output.classes)) for output in outputs)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Raw numbers of each output."""
        features = self.dropout(self.body(pictures))
        return tuple(head(features) for head in self.heads)
