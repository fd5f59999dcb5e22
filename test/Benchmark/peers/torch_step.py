"""The same as `jax_step.py` in PyTorch: NAME BATCH STEPS THREADS."""

import json
import statistics
import sys
import time

import torch
from torch import nn

name, batch, steps, threads = sys.argv[1], *map(int, sys.argv[2:5])
torch.set_num_threads(threads)
torch.manual_seed(0)


class Block(nn.Module):
    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        stride = outer // inner
        self.body = nn.Sequential(
            nn.Conv2d(inner, outer, 3, stride, 1, bias=False), nn.BatchNorm2d(outer), nn.ReLU(),
            nn.Conv2d(outer, outer, 3, 1, 1, bias=False), nn.BatchNorm2d(outer),
        )  # fmt: skip
        self.skip = nn.Identity()
        if inner != outer:
            norm = nn.BatchNorm2d(outer)
            self.skip = nn.Sequential(nn.Conv2d(inner, outer, 1, stride, bias=False), norm)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.skip(x) + self.body(x))


class Gru(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru, self.head = nn.GRU(24, 128, batch_first=True), nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.gru(x)[1][0])


class Bert(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(256, 4, 1024, 0.0, "gelu", batch_first=True)
        self.layers, self.head = nn.TransformerEncoder(layer, 4), nn.Linear(256, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.layers(x).mean(1))


def resnet20() -> nn.Module:
    widths = [16] * 4 + [32] * 3 + [64] * 3
    blocks = [Block(a, b) for a, b in zip(widths, widths[1:], strict=False)]
    stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    pool = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    return nn.Sequential(*stem, *blocks, *pool)


def mlp() -> nn.Module:
    hidden = [nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU()]
    return nn.Sequential(*hidden, nn.Linear(512, 10))


def cnn() -> nn.Module:
    layers = [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 12 * 12, 10))


SHAPES = {
    "mlp": (784,), "cnn": (1, 28, 28), "resnet20": (3, 32, 32), "gru": (64, 24), "bert": (64, 256),
}  # fmt: skip
model = {"mlp": mlp, "cnn": cnn, "resnet20": resnet20, "gru": Gru, "bert": Bert}[name]()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
x, y = torch.randn(batch, *SHAPES[name]), torch.randint(0, 10, (batch,))
if len(SHAPES[name]) == 3:
    model = model.to(memory_format=torch.channels_last)
    x = x.to(memory_format=torch.channels_last)


def step() -> None:
    optimizer.zero_grad(set_to_none=True)
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()


times = []
for _ in range(steps + 1):
    start = time.perf_counter()
    step()
    times.append((time.perf_counter() - start) * 1e3)
print(json.dumps(statistics.median(times[1:])))
