//===- TrainOptions.h - The options of a training ---------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TOOLS_NEUROPLAST_TRAINOPTIONS_H
#define NEUROPLAST_TOOLS_NEUROPLAST_TRAINOPTIONS_H

#include "Arguments.h"

#include "neuroplast/Learning/Examples.h"
#include "neuroplast/Learning/TrainingOptions.h"

namespace neuroplast::driver {

/// None after a message. The loss is `kl` if there is a teacher and nothing
/// else is asked for.
std::optional<learning::TrainingOptions>
readTrainingOptions(const Arguments &arguments, bool hasTeacher);

/// Reads examples with what a training needs of them, `least` or more; none
/// after a message. A teacher needs no labels.
std::optional<learning::Examples>
readExamples(const Arguments &arguments, llvm::StringRef path,
             const learning::TrainingOptions &options, int64_t least,
             bool hasTeacher = false);

/// Whether this process was started without others; false after a message that
/// names what is for one alone.
bool isAlone(llvm::StringRef what);

std::vector<OptionSpec> getTrainingOptionSpecs();

} // namespace neuroplast::driver

#endif // NEUROPLAST_TOOLS_NEUROPLAST_TRAINOPTIONS_H
