"""Which axes of which weights hold units, told by hand.

By pattern of weight names: the axes that hold units, and how many units that are (0: as
many as places), of the small network and of the one of real size, where they differ. Axes
that are not listed are those of inputs, outputs, kernels and vocabularies. The first
pattern that fits counts.
"""

from __future__ import annotations

Count = int | tuple[int, int]
Axes = dict[int, Count]

STREAM_NORM: dict[str, Axes] = {"*.scale": {0: 0}, "*.shift": {0: 0}}
MLP: dict[str, Axes] = {
    "*mlp.up.weight": {0: 0, 1: 0}, "*mlp.down.weight": {0: 0, 1: 0},
    "*mlp.up.bias": {0: 0}, "*mlp.down.bias": {0: 0},
}  # fmt: skip


def heads(count: Count) -> dict[str, Axes]:
    """Whole heads go, between streams whose features go."""
    return {
        "*.[qkv].weight": {0: 0, 1: count}, "*.[qkv].bias": {0: count},
        "*.o.weight": {0: count, 1: 0}, "*.o.bias": {0: 0},
    }  # fmt: skip


INVERTED: dict[str, Axes] = {
    "*.depth.weight": {0: 0}, "*.se.*.weight": {0: 0, 1: 0}, "*.bias": {0: 0},
    "*.expand.weight": {0: 0, 1: 0}, "*.project.weight": {0: 0, 1: 0}, "bn*.*": {0: 0},
    "*.bn?.*": {0: 0}, "stem.weight": {0: 0}, "last.weight": {0: 0, 1: 0},
}  # fmt: skip
HIDDEN = (20, 256)
RECURRENT: dict[str, Axes] = {
    "words": {1: 0}, "0.w": {1: HIDDEN, 2: 0}, "1.w": {1: HIDDEN, 2: HIDDEN},
    "?.r": {1: HIDDEN, 2: 0}, "?.b": {1: HIDDEN}, "head.weight": {0: HIDDEN},
}  # fmt: skip
UNITS: dict[str, dict[str, Axes]] = {
    "vit": {"patch.*": {0: 0}, "token": {2: 0}, "position": {2: 0}, "head.weight": {0: 0},
            **STREAM_NORM, **MLP, **heads(3)},
    "bert": {"words": {1: 0}, "head.weight": {0: 0}, **STREAM_NORM, **MLP, **heads(4)},
    # Keys and values of the past are inputs, so that heads stay.
    "gpt2": {"words": {1: 0}, "head.weight": {0: 0}, "*.qkv.weight": {0: 0}, "*.o.weight": {1: 0},
             "*.o.bias": {0: 0}, **STREAM_NORM, **MLP},
    "llama": {"words": {1: 0}, "head.weight": {0: 0}, "*.gate.weight": {0: 0, 1: 0},
              "*.up.weight": {0: 0, 1: 0}, "*.down.weight": {0: 0, 1: 0}, **STREAM_NORM,
              # A key-value head goes with its queries.
              **heads((2, 4))},
    "mobilenet": {"hidden.weight": {0: 0, 1: 0}, "hidden.bias": {0: 0}, "head.weight": {0: 0},
                  "head.bias": {}, "last.bias": {0: 0}, **INVERTED},
    "efficientnet": {"head.weight": {0: 0}, "head.bias": {}, **INVERTED},
    "resnext": {"stem.weight": {0: 0}, "*.a.weight": {0: 0, 1: 0}, "*.b.weight": {0: 0, 1: 0},
                "*.c.weight": {0: 0, 1: 0}, "*.skip.weight": {0: 0, 1: 0}, "head.weight": {0: 0},
                "head.bias": {}, "*.bn?.*": {0: 0}, "stem.bias": {0: 0}},
    "shufflenet_v2": {"stem.weight": {0: 0}, "*.[bd].weight": {0: 0}, "head.weight": {0: 0},
                      "head.bias": {}, "*.bias": {0: 0}, "*.weight": {0: 0, 1: 0}},
    "unet": {"down0.weight": {0: 0}, "down?.weight": {0: 0, 1: 0}, "middle.weight": {0: 0, 1: 0},
             "up?.weight": {0: 0, 1: 0}, "merge?.weight": {0: 0, 1: 0}, "head.weight": {1: 0},
             "head.bias": {}, "*.bias": {0: 0}},
    "convnext": {"stem.*": {0: 0}, "*.depth.*": {0: 0}, "*.gamma": {0: 0}, "head.weight": {0: 0},
                 **STREAM_NORM, **MLP, "down*.weight": {0: 0, 1: 0}, "down*.bias": {0: 0}},
    "group_normed": {"stem.*": {0: (4, 32)}, "norm.*": {0: (4, 32)}, "mid.bias": {0: 0},
                     "mid.weight": {0: 0, 1: (4, 32)}, "head.weight": {1: 0}},
    "lstm_tagger": RECURRENT,
    "gru_tagger": RECURRENT,
    "scan_rnn": {"w": {1: 0}, "r": {0: 0, 1: 0}, "start": {1: 0}, "head.weight": {0: 0}},
    "tcn": {"0.weight": {0: 0}, "?.weight": {0: 0, 1: 0}, "?.bias": {0: 0}, "0.skip": {0: 0},
            "head": {1: 0}},
    "wavenet": {"stem": {0: 0}, "?.weight": {0: (16, 64), 1: 0}, "?.bias": {0: (16, 64)},
                "?.skip": {0: 0, 1: 0}, "?.back": {0: 0, 1: 0}, "head": {1: 0}},
    "wav2vec": {"c0": {0: 0}, "c1": {0: 0, 1: 0}, "position": {0: 0, 1: 0}, "head.weight": {0: 0},
                **STREAM_NORM, **MLP, **heads(4)},
    "experts": {"stem.weight": {1: 0}, "stem.bias": {0: 0}, "router.weight": {0: 0},
                "up": {1: 0, 2: 0}, "down": {1: 0, 2: 0}, "head.weight": {0: 0}},
    "linear_attention": {"[qkv].weight": {1: 0}, "[qkv].bias": {0: 0}, "head.weight": {0: 0}},
    "tied_autoencoder": {"w1": {1: 0}, "w2": {0: 0, 1: 0}},
}  # fmt: skip
