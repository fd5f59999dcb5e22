//===- Presets.cpp - Plans that come with the compiler --------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Plasticity/CyclePlan.h"
#include "llvm/ADT/SmallVectorExtras.h"

using namespace neuroplast::plasticity;
using llvm::StringRef;

namespace {

struct Preset {
  StringRef name, text;
};

} // namespace

/// `neuroplasticity` is the cycle of arXiv 2503.21419 at about one size, with
/// units that joined kept as long as they are of use; `lottery-ticket` that of
/// Frankle and Carbin, arXiv 1803.03635, in units; `compress` cuts in small
/// steps and learns from what there was, and needs no labels; `expand` grows
/// whenever an epoch brings little; `continual` keeps a network able to learn,
/// and lets what sleeps begin anew.
static constexpr Preset kPresets[] = {{"neuroplasticity", R"json({
  "version": 1,
  "train": {"optimizer": "adam", "lr": 0.001},
  "phases": [
    {"train": {"epochs": 2}},
    {"repeat": 3, "phases": [
      {"dropin": {"units": "+50%", "init": "pair"}},
      {"train": {"epochs": 1}},
      {"prune": {"ratio": 0.34}},
      {"train": {"epochs": 1}}
    ]},
    {"train": {"epochs": 3, "schedule": "cosine"}}
  ]
}
)json"},
                                      {"lottery-ticket", R"json({
  "version": 1,
  "train": {"optimizer": "adam", "lr": 0.001, "epochs": 4},
  "phases": [
    {"train": {"epochs": 1}},
    {"mark": "early"},
    {"repeat": 5, "phases": [
      {"train": {}},
      {"prune": {"ratio": 0.2, "no-reconstruct": true}},
      {"rewind": "early"}
    ]},
    {"train": {}}
  ]
}
)json"},
                                      {"compress", R"json({
  "version": 1,
  "distill": {"optimizer": "adam", "lr": 0.001, "schedule": "cosine", "clip-norm": 5},
  "phases": [
    {"repeat": 2, "phases": [
      {"prune": {"target-flops": "0.8x"}},
      {"distill": {"epochs": 1}}
    ]},
    {"prune": {"target-flops": "0.8x"}},
    {"distill": {"epochs": 4}}
  ]
}
)json"},
                                      {"expand", R"json({
  "version": 1,
  "train": {"optimizer": "adam", "lr": 0.001},
  "phases": [
    {"train": {"epochs": 1}},
    {"repeat": 8, "phases": [
      {"mark": "before"},
      {"train": {"epochs": 1}},
      {"when": {"progress": {"below": 0.05, "since": "before"}}, "phases": [
        {"dropin": {"units": "+25%", "init": "pair"}}
      ]}
    ]},
    {"train": {"epochs": 3, "schedule": "cosine"}}
  ]
}
)json"},
                                      {"continual", R"json({
  "version": 1,
  "train": {"optimizer": "adam", "lr": 0.001},
  "phases": [
    {"repeat": 10, "phases": [
      {"train": {"epochs": 1}},
      {"when": {"dormant": {"above": 0.01}}, "phases": [{"recycle": {}}]},
      {"perturb": {"keep": 0.999, "noise": 0.001}}
    ]},
    {"train": {"epochs": 1}}
  ]
}
)json"}};

StringRef neuroplast::plasticity::getPreset(StringRef name) {
  for (const Preset &preset : kPresets)
    if (preset.name == name)
      return preset.text;
  return {};
}

llvm::ArrayRef<StringRef> neuroplast::plasticity::getPresetNames() {
  static const auto names =
      llvm::map_to_vector(kPresets, [](const Preset &p) { return p.name; });
  return names;
}
