//===- AxisRule.h - How the axes of an op correspond ------------*- C++ -*-===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A rule names the factors of an op and writes every axis of every operand and
// result as an expression of them, in the manner of einops. The grouped
// convolution of 4 groups states
//
//   n (g i) h w, (g o) i kh kw, (g o) -> n (g o) p q
//     | n=1, g=4 block, i=8, h=28 spatial, ...
//
//   rule       ::= tensors `->` tensors (`&` equation)* (`|` factor (`,`
//   factor)*)? tensors    ::= `-` | tensor (`,` tensor)*      `-`: none at all
//   tensor     ::= `_` | axis*                     `_`: no axis (a scalar, or
//   no tensor) equation   ::= axis `=` axis axis       ::= name | `1` | `~`
//   axis | `(` product (`+` product)* `)` product    ::= (name | `1`)* major
//   first factor     ::= name `=` (integer | `?`) role? `nonzero`? `dropped`?
//   (`pinned` string)? role       ::= `block` | `fixed` | `spatial`
//
// A factor that appears twice is the same indices. A sum is a concatenation;
// `~` reverses. An equation says that two expressions run through the same
// indices, which reshapes need whose sizes have no common factors.
//
//===----------------------------------------------------------------------===//

#ifndef NEUROPLAST_DIALECT_NEURO_IR_AXISRULE_H
#define NEUROPLAST_DIALECT_NEURO_IR_AXISRULE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace neuroplast::neuro {

/// What a factor may become under a structure edit.
enum class FactorRole {
  /// Its indices may be removed, repeated and inserted.
  Plain,
  /// It counts blocks: what follows it in a product is fresh in every block,
  /// and
  /// of equal size in all of them.
  Block,
  /// It counts copies: what follows it in a product is the same in every copy.
  Fixed,
  /// It runs through places in space or time and is not edited.
  Spatial
};

/// A named index set of a rule.
struct AxisFactor {
  std::string name;
  /// The number of indices, or `AxisRule::kDynamic`.
  int64_t extent = 1;
  FactorRole role = FactorRole::Plain;
  /// Whether an index at which every operand is zero has no influence on the
  /// other indices of the results.
  bool zeroInvariant = true;
  /// Whether the op looks at no element of these indices (what a slice leaves
  /// out). Other factors that no result has are summed over.
  bool dropped = false;
  /// Why the factor cannot be edited at all; empty if it can.
  std::string pin;
};

/// A sum of products of factors: how an axis is composed, major part first.
struct AxisExpr {
  /// Each product lists factors by index; the empty product has one index.
  llvm::SmallVector<llvm::SmallVector<unsigned, 2>, 1> terms;
  bool reversed = false;

  /// The axis of extent 1 that no factor runs through.
  static AxisExpr one() { return AxisExpr{{{}}, false}; }
  static AxisExpr factor(unsigned index) { return AxisExpr{{{index}}, false}; }
  static AxisExpr product(llvm::ArrayRef<unsigned> factors) {
    AxisExpr expr;
    expr.terms.emplace_back(factors.begin(), factors.end());
    return expr;
  }
  /// The concatenation of single factors.
  static AxisExpr sum(llvm::ArrayRef<unsigned> factors) {
    AxisExpr expr;
    for (unsigned factor : factors)
      expr.terms.push_back({factor});
    return expr;
  }
  bool operator==(const AxisExpr &other) const {
    return terms == other.terms && reversed == other.reversed;
  }
};

/// The axes of one operand or result.
using TensorAxes = llvm::SmallVector<AxisExpr, 4>;

/// How the axes of an op's operands and results correspond.
class AxisRule {
public:
  /// An extent known at run time only; equals `mlir::ShapedType::kDynamic`.
  static constexpr int64_t kDynamic = std::numeric_limits<int64_t>::min();

  std::vector<AxisFactor> factors;
  std::vector<TensorAxes> operands;
  std::vector<TensorAxes> results;
  std::vector<std::pair<AxisExpr, AxisExpr>> equations;

  /// Appends a factor; its index is returned.
  unsigned add(llvm::StringRef name, int64_t extent,
               FactorRole role = FactorRole::Plain);
  /// Forbids edits of a factor; the first reason given stays.
  void pin(unsigned factor, llvm::StringRef reason);

  /// Whether an axis of some result is made of the factor.
  bool isInResults(unsigned factor) const;

  /// The extent of an axis: the sum of the products, or `kDynamic`.
  int64_t getExtent(const AxisExpr &expr) const;
  /// The same for given extents of the factors.
  static int64_t getExtent(const AxisExpr &expr,
                           llvm::ArrayRef<int64_t> extents);

  void print(llvm::raw_ostream &os) const;
  std::string str() const;
  /// Reads what `print` writes. On failure returns false and says why in
  /// `error`.
  static bool parse(llvm::StringRef text, AxisRule &rule, std::string &error);
};

} // namespace neuroplast::neuro

#endif // NEUROPLAST_DIALECT_NEURO_IR_AXISRULE_H
