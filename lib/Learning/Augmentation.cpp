//===- Augmentation.cpp - Examples that are like others -------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Learning/Augmentation.h"

#include "llvm/ADT/StringExtras.h"

#include <algorithm>
#include <array>
#include <cmath>

using namespace neuroplast;
using namespace neuroplast::learning;

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
    for (auto [own, number] : {std::pair("noise", &result.noise),
                               {"warp", &result.warp},
                               {"contrast", &result.contrast}})
      if (name == own)
        isGood = !value.getAsDouble(*number) && *number >= 0 &&
                 std::isfinite(*number);
    if (isGood)
      continue;
    reason = "'" + part.str() +
             "' is none of flip, shift:N, warp:X, contrast:X and noise:X";
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

/// A number from -1 to 1, evenly.
static double drawEven(std::mt19937_64 &random) {
  return static_cast<double>(random() >> 11) * 0x1p-52 - 1;
}

/// Reads an image at other places, `across` and `down` of those of its middle,
/// between lines and columns; what lies beyond an edge is the edge.
static void warpImage(float *image, int64_t channels, int64_t height,
                      int64_t width, std::array<double, 2> across,
                      std::array<double, 2> down) {
  std::vector<float> old(image, image + channels * height * width);
  double middleX = (static_cast<double>(width) - 1) / 2,
         middleY = (static_cast<double>(height) - 1) / 2;
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      double right = static_cast<double>(x) - middleX,
             below = static_cast<double>(y) - middleY;
      double fromX = std::clamp(middleX + across[0] * right + across[1] * below,
                                0.0, 2 * middleX),
             fromY = std::clamp(middleY + down[0] * right + down[1] * below,
                                0.0, 2 * middleY);
      auto x0 = static_cast<int64_t>(fromX), y0 = static_cast<int64_t>(fromY);
      int64_t x1 = std::min(x0 + 1, width - 1),
              y1 = std::min(y0 + 1, height - 1);
      auto partX = static_cast<float>(fromX - static_cast<double>(x0)),
           partY = static_cast<float>(fromY - static_cast<double>(y0));
      for (int64_t c = 0; c < channels; ++c) {
        const float *from = old.data() + c * height * width;
        float upper = from[y0 * width + x0] * (1 - partX) +
                      from[y0 * width + x1] * partX,
              lower = from[y1 * width + x0] * (1 - partX) +
                      from[y1 * width + x1] * partX;
        image[(c * height + y) * width + x] =
            upper * (1 - partY) + lower * partY;
      }
    }
}

static void changeContrast(float *image, int64_t count, double factor) {
  double mean = 0;
  for (int64_t i = 0; i < count; ++i)
    mean += image[i] / static_cast<double>(count);
  for (int64_t i = 0; i < count; ++i)
    image[i] = static_cast<float>(mean + (image[i] - mean) * factor);
}

static void addNoise(llvm::MutableArrayRef<float> values, float deviation,
                     std::mt19937_64 &random) {
  for (float &value : values)
    value += deviation * drawNoise(random);
}

void Augmentation::changeImage(float *image, int64_t channels, int64_t height,
                               int64_t width, std::mt19937_64 &random) const {
  auto step = [&] {
    return static_cast<int64_t>(random() % (2 * shift + 1)) - shift;
  };
  if (flips || shift > 0) {
    bool isMirrored = flips && random() % 2;
    int64_t down = step(), right = step();
    if (isMirrored || down || right)
      moveImage(image, channels, height, width, down, right, isMirrored);
  }
  if (warp > 0) {
    auto h = static_cast<double>(height), w = static_cast<double>(width);
    // Slants move the middles of edges by a share of the shorter side.
    std::array<double, 2> across{1 + warp * drawEven(random),
                                 warp * drawEven(random) *
                                     std::min(1.0, w / h)},
        down{warp * drawEven(random) * std::min(1.0, h / w),
             1 + warp * drawEven(random)};
    warpImage(image, channels, height, width, across, down);
  }
  if (contrast > 0)
    changeContrast(image, channels * height * width,
                   1 + contrast * drawEven(random));
}

void Augmentation::apply(NamedTensors &batch,
                         llvm::ArrayRef<uint64_t> seeds) const {
  for (auto [example, seed] : llvm::enumerate(seeds)) {
    std::mt19937_64 random(seed);
    for (auto &[name, tensor] : batch) {
      // Scalars are what a step is told, as its rate, and no examples.
      if (name == "labels" || tensor.dtype != NEUROPLAST_FLOAT32 ||
          tensor.shape.empty())
        continue;
      int64_t count =
          tensor.getNumElements() / static_cast<int64_t>(seeds.size());
      float *values = reinterpret_cast<float *>(tensor.bytes.data()) +
                      static_cast<int64_t>(example) * count;
      if (tensor.shape.size() == 4 && changesImages() && count > 0)
        changeImage(values, tensor.shape[1], tensor.shape[2], tensor.shape[3],
                    random);
      if (noise > 0)
        addNoise(llvm::MutableArrayRef(values, count),
                 static_cast<float>(noise * (1 + drawEven(random)) / 2),
                 random);
    }
  }
}
