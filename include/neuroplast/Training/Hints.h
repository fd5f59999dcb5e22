//===- Hints.h - What students share with teachers inside -------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_TRAINING_HINTS_H
#define NEUROPLAST_TRAINING_HINTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "neuroplast/Dialect/Neuro/IR/Gradient.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include <optional>
#include <string>

namespace neuroplast::training {

/// What the nodes of a network give, by their names.
using NodeValues = llvm::MapVector<llvm::StringRef, mlir::Value>;

/// Lists what nodes that have a name give among these ops, as tensors of
/// floats. Of a node that became several ops it is the result of the last one.
NodeValues
listNodeValues(llvm::iterator_range<mlir::Block::iterator> operations);

/// Lets nodes of a student give what those of the same names give in its
/// teacher.
/// Along an axis of a value of the student, which places the teacher has, too,
/// and where.
struct ChannelMatch {
  unsigned axis = 0;
  llvm::SmallVector<int64_t> own, taught;
};
struct NodeMatch {
  bool isLayer = false; ///< Whether the node is a linear layer.
  llvm::SmallVector<ChannelMatch, 1> axes;
};
/// By the names of nodes.
using ChannelMatches = llvm::StringMap<NodeMatch>;

struct Hint {
  enum class Kind {
    /// The mean square of the differences (Romero et al., arXiv 1412.6550);
    /// both have the same shape.
    Values,
    /// The mean square of the differences of channels that the student has kept
    /// of the teacher, by the history of its edits, divided by the mean square
    /// of the teacher's; newborns are free.
    Channels,
    /// The same of the linear layers among the nodes, as far as the history
    /// tells of their channels.
    Layers,
    /// Where the squares of the channels are large, of an example: the square
    /// of the distance of both, each of length one (Zagoruyko and Komodakis,
    /// arXiv 1612.03928). Channels are axis 1 of four and more axes, and the
    /// last one of fewer; their numbers may differ.
    Attention,
    /// Which examples of a batch are like which others: the mean square of the
    /// differences of their products, those of an example of length one (Tung
    /// and Mori, arXiv 1907.09682). Shapes may differ in all but the batch.
    Relations
  };
  std::string pattern;
  double weight = 1;
  Kind kind = Kind::Values;

  /// Reads "PATTERN=WEIGHT" or "PATTERN=WEIGHT:KIND"; none, with a reason, if a
  /// text is neither.
  static std::optional<Hint> parse(llvm::StringRef text, std::string &reason);

  /// How far nodes of the student are from those of the teacher, weighed, the
  /// mean over the nodes; a null term if there are none, which is an error of
  /// all kinds but `Layers`. None after an error at `main`.
  std::optional<neuro::Term>
  build(mlir::func::FuncOp main, neuro::TermBuilder &at, const NodeValues &own,
        const NodeValues &taught, const ChannelMatches &matches) const;
};

/// Matches the channels of the nodes of a student, as it is before it becomes a
/// step, with those of its teacher, where hints compare them. Fails, after an
/// error, where that cannot be.
llvm::FailureOr<ChannelMatches> matchChannels(mlir::ModuleOp student,
                                              mlir::ModuleOp teacher,
                                              llvm::ArrayRef<Hint> hints);

} // namespace neuroplast::training

#endif // NEUROPLAST_TRAINING_HINTS_H
