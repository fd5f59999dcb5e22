//===- Augmentation.cpp - Examples that are like others -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Augmentation.h"

#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace neuroplast;
using namespace neuroplast::driver;

std::optional<Augmentation> Augmentation::parse(llvm::StringRef text,
                                                std::string &reason) {
  Augmentation result;
  llvm::SmallVector<llvm::StringRef> parts;
  text.split(parts, ',', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef part : parts) {
    auto [name, value] = part.split(':');
    bool isGood = name == "flip" && value.empty();
    result.flips |= isGood;
    if (name == "shift")
      isGood = !value.getAsInteger(10, result.shift) && result.shift >= 0;
    if (name == "noise")
      isGood = !value.getAsDouble(result.noise) && result.noise >= 0 &&
               std::isfinite(result.noise);
    if (isGood)
      continue;
    reason = "'" + part.str() + "' is none of flip, shift:N and noise:X";
    return std::nullopt;
  }
  return result;
}

/// A number that is almost normal: the sum of four even ones, less its mean and
/// by its deviation, the same with every standard library.
static float drawNoise(std::mt19937_64 &random) {
  uint64_t bits = random(), sum = 0;
  for (int part = 0; part < 4; ++part)
    sum += (bits >> (16 * part)) & 0xffff;
  constexpr double kMean = 2 * 65535.0, kDeviation = 37837.2; // 65536 / sqrt(3)
  return static_cast<float>((static_cast<double>(sum) - kMean) / kDeviation);
}

/// Moves the places of an image and mirrors it; zeros come in.
static void moveImage(float *image, int64_t channels, int64_t height,
                      int64_t width, int64_t down, int64_t right,
                      bool isMirrored) {
  std::vector<float> old(image, image + channels * height * width);
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x) {
        int64_t fromY = y - down, fromX = x - right;
        if (isMirrored)
          fromX = width - 1 - fromX;
        bool isInside =
            fromY >= 0 && fromY < height && fromX >= 0 && fromX < width;
        image[(c * height + y) * width + x] =
            isInside ? old[(c * height + fromY) * width + fromX] : 0;
      }
}

void Augmentation::apply(NamedTensors &batch, std::mt19937_64 &random) const {
  for (auto &[name, tensor] : batch) {
    if (name == "labels" || tensor.dtype != NEUROPLAST_FLOAT32)
      continue;
    auto *values = reinterpret_cast<float *>(tensor.bytes.data());
    int64_t count = tensor.getNumElements();
    if (tensor.shape.size() == 4 && (flips || shift > 0) && count > 0) {
      int64_t images = tensor.shape[0];
      for (int64_t i = 0; i < images; ++i) {
        auto step = [&] {
          return static_cast<int64_t>(random() % (2 * shift + 1)) - shift;
        };
        bool isMirrored = flips && random() % 2;
        int64_t down = step(), right = step();
        if (isMirrored || down || right)
          moveImage(values + i * (count / images), tensor.shape[1],
                    tensor.shape[2], tensor.shape[3], down, right, isMirrored);
      }
    }
    if (noise > 0)
      for (int64_t i = 0; i < count; ++i)
        values[i] += static_cast<float>(noise) * drawNoise(random);
  }
}
