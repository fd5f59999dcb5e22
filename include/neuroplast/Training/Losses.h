//===- Losses.h - What training makes smaller -------------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TRAINING_LOSSES_H
#define NEUROPLAST_TRAINING_LOSSES_H

#include "neuroplast/Dialect/Neuro/IR/Gradient.h"
#include <optional>

namespace neuroplast::training {

/// What training makes smaller: a mean over all that it is taken of. Logits may
/// come as what a softmax or a sigmoid made of them.
struct Loss {
  enum class Kind {
    /// The negative logarithm of the probability of a class: axis 1 of the
    /// output has logits; labels are integers.
    CrossEntropy,
    /// The same of labels that are probabilities of all classes, along axis 1
    /// or that of the softmax.
    SoftCrossEntropy,
    /// By how much less they say of the labels than these do of themselves: the
    /// divergence of Kullback and Leibler (1951) of the labels from the output.
    Divergence,
    /// The negative logarithm of the probability of each label, which is one or
    /// zero, or something between: elements of the output are logits.
    BinaryCrossEntropy,
    /// The square of the difference; labels have the type of the output.
    MeanSquares,
    /// The magnitude of the difference.
    MeanMagnitude,
    /// Half the square of the difference up to `delta`, linear from there on
    /// (Huber 1964).
    Huber,
    /// One less the cosine of the angle to the labels along axis 1.
    Cosine,
    /// The negative logarithm of the probability of labels without times, by
    /// their number (connectionist temporal classification, Graves et al., ICML
    /// 2006): the output has examples, times and logits of classes, and labels
    /// are integers, negative behind the last one of an example.
    Sequence,
    /// How far outputs of one class are from one another, beside all others:
    /// the negative logarithm of what an example of its own class has of the
    /// exponentials of its likeness to all, the mean over these and over the
    /// examples that have any (supervised contrastive, Khosla et al., arXiv
    /// 2004.11362). The output has examples and features, compared by their
    /// directions; likeness is divided by `temperature`; labels are integers.
    Contrastive
  };
  Kind kind = Kind::CrossEntropy;
  /// The share of probability that all classes get, of labels that are classes
  /// (Szegedy et al., arXiv 1512.00567).
  double smoothing = 0;
  double delta = 1;
  /// What logits are divided by, of losses of probabilities; the loss is
  /// multiplied by its square, so that gradients stay as large (Hinton et al.,
  /// arXiv 1503.02531).
  double temperature = 1;
  /// Of Kind::Sequence: the class of times that say nothing, and the most
  /// labels that an example has.
  int64_t blank = 0, mostLabels = 0;
  /// Of SoftCrossEntropy and Divergence: what a place counts at which labels
  /// say `blank`, where others count one; between them as the labels are.
  double blankWeight = 1;

  /// By "cross-entropy", "soft-cross-entropy", "kl", "bce", "mse", "mae",
  /// "huber", "cosine", "ctc" or "contrastive".
  static std::optional<Kind> parseKind(llvm::StringRef name);
  static llvm::StringRef getKinds(); ///< for people

  /// Whether labels are integers that number classes, which no output is.
  bool hasClasses() const { return saysClasses() || kind == Kind::Contrastive; }
  /// Whether the output says which of them it would be.
  bool saysClasses() const {
    return kind == Kind::CrossEntropy || kind == Kind::Sequence;
  }

  /// The type that labels need for such an output; null, with a reason, if the
  /// loss is not for it.
  mlir::RankedTensorType getLabelsType(const neuro::Term &output,
                                       std::string &reason) const;
  /// The loss of an output as a scalar.
  neuro::Term build(const neuro::Term &output, const neuro::Term &labels) const;
  /// Labels that a teacher gives: what it is sure of, by probabilities.
  neuro::Term buildLabels(const neuro::Term &output) const;

private:
  /// The mean of what labels that are probabilities say of each place.
  neuro::Term weigh(const neuro::Term &places, const neuro::Term &labels,
                    int64_t axis) const;
  mlir::RankedTensorType getSequenceType(const neuro::Term &output,
                                         std::string &reason) const;
};

/// The mean of all elements.
neuro::Term average(const neuro::Term &term);

} // namespace neuroplast::training

#endif // NEUROPLAST_TRAINING_LOSSES_H
