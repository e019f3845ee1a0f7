"""EfficientNet-Lite0 for grey pictures, with a head for each output; it may begin with what it learned of photographs.

Without squeeze-and-excitation and with ReLU6, it is the EfficientNet made for small processors (Liu 2020; Tan & Le 2019). Its last
stage, its widest layer and its classifier, half of its weights, are replaced by a narrower layer and heads of our own.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from qc_models.model_outputs import Output

# Kernel, stride of the first block, expansion, width, blocks.
_STAGES = ((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3), (5, 2, 6, 192, 4))
_STEM = 32


class LiteNetwork(nn.Module):
    """From [B, 1, rows, columns], of 0 to 1, to a tuple of raw numbers [B, classes], one for each output."""

    def __init__(self, outputs: Sequence[Output], width: int = 640, dropout: float = 0.3) -> None:
        super().__init__()
        self.body = _body()
        self.last = _convolved(_STAGES[-1][3], width, 1)
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleList(nn.Linear(width, len(output.classes)) for output in outputs)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        """Raw numbers of each output."""
        features = self.last(self.body(2 * pictures - 1)).mean((2, 3))
        features = self.dropout(features)
        return tuple(head(features) for head in self.heads)

    def begin_with(self, weights: Sequence[Tensor]) -> None:
        """Takes over the weights of an EfficientNet-Lite0 in their usual order, from the stem on; its colours are added up."""
        own = self.body.state_dict()
        if len(weights) < len(own):
            raise ValueError(f"the network ends after {len(own)} weights, and these after {len(weights)}")
        taken: dict[str, Tensor] = {}
        for (name, value), known in zip(own.items(), weights, strict=False):
            known = known.sum(1, keepdim=True) if not taken else known
            if known.shape != value.shape:
                raise ValueError(f"{name} is {tuple(value.shape)}, not {tuple(known.shape)}")
            taken[name] = known
        self.body.load_state_dict(taken)


class _Block(nn.Module):
    """Widens, looks around in each channel alone, narrows; what has the same shape is added to what came in."""

    def __init__(self, width: int, wider: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        middle = width * expansion
        widened = [_convolved(width, middle, 1)] if expansion > 1 else []
        narrowed = nn.Sequential(nn.Conv2d(middle, wider, 1, bias=False), _normed(wider))
        self.layers = nn.Sequential(*widened, _convolved(middle, middle, kernel, stride, groups=middle), narrowed)
        self.adds = stride == 1 and width == wider

    def forward(self, features: Tensor) -> Tensor:
        made: Tensor = self.layers(features)
        return features + made if self.adds else made


def _body() -> nn.Module:
    layers, width = [_convolved(1, _STEM, 3, 2)], _STEM
    for kernel, stride, expansion, wider, count in _STAGES:
        for number in range(count):
            layers.append(_Block(width, wider, kernel, stride if number == 0 else 1, expansion))
            width = wider
    return nn.Sequential(*layers)


def _convolved(width: int, wider: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Module:
    before, after = (kernel - stride) // 2, kernel // 2  # of even sides, as its weights were learned
    return nn.Sequential(
        nn.ZeroPad2d((before, after, before, after)),
        nn.Conv2d(width, wider, kernel, stride, groups=groups, bias=False),
        _normed(wider),
        nn.ReLU6(inplace=True),
    )


def _normed(width: int) -> nn.Module:
    return nn.BatchNorm2d(width, eps=1e-3, momentum=0.01)
