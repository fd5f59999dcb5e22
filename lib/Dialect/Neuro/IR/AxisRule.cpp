//===- AxisRule.cpp - How the axes of an op correspond --------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Dialect/Neuro/IR/AxisRule.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MathExtras.h"

using namespace neuroplast::neuro;
using llvm::ArrayRef;
using llvm::StringRef;

unsigned AxisRule::add(StringRef name, int64_t extent, FactorRole role) {
  AxisFactor factor;
  factor.name = name.str();
  factor.extent = extent;
  factor.role = role;
  factors.push_back(std::move(factor));
  return factors.size() - 1;
}

void AxisRule::pin(unsigned factor, StringRef reason) {
  if (factors[factor].pin.empty())
    factors[factor].pin = reason.str();
}

int64_t AxisRule::getExtent(const AxisExpr &expr, ArrayRef<int64_t> extents) {
  int64_t sum = 0;
  for (const auto &term : expr.terms) {
    int64_t product = 1;
    for (unsigned factor : term) {
      if (extents[factor] == kDynamic ||
          llvm::MulOverflow(product, extents[factor], product))
        return kDynamic;
    }
    sum += product;
  }
  return sum;
}

bool AxisRule::isInResults(unsigned factor) const {
  for (const TensorAxes &axes : results)
    for (const AxisExpr &axis : axes)
      for (const auto &term : axis.terms)
        if (llvm::is_contained(term, factor))
          return true;
  return false;
}

int64_t AxisRule::getExtent(const AxisExpr &expr) const {
  llvm::SmallVector<int64_t> extents;
  for (const AxisFactor &factor : factors)
    extents.push_back(factor.extent);
  return getExtent(expr, extents);
}

//===----------------------------------------------------------------------===//
// Printing
//===----------------------------------------------------------------------===//

namespace {

class Printer {
public:
  Printer(const AxisRule &rule, llvm::raw_ostream &os) : rule(rule), os(os) {}

  void printProduct(ArrayRef<unsigned> product) {
    if (product.empty())
      os << '1';
    llvm::interleave(
        product, os, [&](unsigned factor) { os << rule.factors[factor].name; },
        " ");
  }

  void printAxis(const AxisExpr &axis) {
    if (axis.reversed)
      os << '~';
    bool single = axis.terms.size() == 1 && axis.terms[0].size() <= 1;
    if (!single)
      os << '(';
    llvm::interleave(
        axis.terms, os, [&](const auto &term) { printProduct(term); }, " + ");
    if (!single)
      os << ')';
  }

  void printTensors(const std::vector<TensorAxes> &tensors) {
    if (tensors.empty())
      os << '-';
    llvm::interleave(
        tensors, os,
        [&](const TensorAxes &axes) {
          if (axes.empty())
            os << '_';
          llvm::interleave(
              axes, os, [&](const AxisExpr &axis) { printAxis(axis); }, " ");
        },
        ", ");
  }

  void printFactor(const AxisFactor &factor) {
    os << factor.name << '=';
    if (factor.extent == AxisRule::kDynamic)
      os << '?';
    else
      os << factor.extent;
    switch (factor.role) {
    case FactorRole::Plain:
      break;
    case FactorRole::Block:
      os << " block";
      break;
    case FactorRole::Fixed:
      os << " fixed";
      break;
    case FactorRole::Spatial:
      os << " spatial";
      break;
    }
    if (!factor.zeroInvariant)
      os << " nonzero";
    if (factor.dropped)
      os << " dropped";
    if (!factor.pin.empty())
      os << " pinned \"" << factor.pin << '"';
  }

  void printRule() {
    printTensors(rule.operands);
    os << " -> ";
    printTensors(rule.results);
    for (const auto &[left, right] : rule.equations) {
      os << " & ";
      printAxis(left);
      os << " = ";
      printAxis(right);
    }
    if (rule.factors.empty())
      return;
    os << " | ";
    llvm::interleave(
        rule.factors, os,
        [&](const AxisFactor &factor) { printFactor(factor); }, ", ");
  }

private:
  const AxisRule &rule;
  llvm::raw_ostream &os;
};

} // namespace

void AxisRule::print(llvm::raw_ostream &os) const {
  Printer(*this, os).printRule();
}

std::string AxisRule::str() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  print(os);
  return text;
}

//===----------------------------------------------------------------------===//
// Parsing
//===----------------------------------------------------------------------===//

namespace {

/// Recursive descent. The factors are declared after their uses, so that a use
/// creates a factor and the declaration fills it in.
class Parser {
public:
  Parser(StringRef text, AxisRule &rule) : text(text), rule(rule) { next(); }

  bool parseRule() {
    if (!parseTensors(rule.operands) || !expect("->") ||
        !parseTensors(rule.results))
      return false;
    while (accept("&")) {
      std::pair<AxisExpr, AxisExpr> equation;
      if (!parseAxis(equation.first) || !expect("=") ||
          !parseAxis(equation.second))
        return false;
      rule.equations.push_back(std::move(equation));
    }
    if (accept("|"))
      do {
        if (!parseFactor())
          return false;
      } while (accept(","));
    if (!token.empty())
      return fail("expected the end");
    for (const AxisFactor &factor : rule.factors)
      if (!declared.contains(factor.name))
        return fail("factor '" + factor.name + "' has no extent");
    return true;
  }

  std::string error;

private:
  bool fail(const std::string &message) {
    if (error.empty())
      error = message + (token.empty() ? std::string(" at the end")
                                       : " before '" + token.str() + "'");
    return false;
  }

  void next() {
    text = text.ltrim();
    if (text.empty()) {
      token = StringRef();
      return;
    }
    size_t length = 1;
    if (text.starts_with("->"))
      length = 2;
    else if (text[0] == '"')
      length = std::min(text.find('"', 1), text.size() - 1) + 1;
    else if (llvm::isAlnum(text[0]) || text[0] == '_')
      while (length < text.size() &&
             (llvm::isAlnum(text[length]) || text[length] == '_' ||
              text[length] == '\''))
        ++length;
    token = text.take_front(length);
    text = text.drop_front(length);
  }

  bool accept(StringRef expected) {
    if (token != expected)
      return false;
    next();
    return true;
  }

  bool expect(StringRef expected) {
    return accept(expected) || fail("expected '" + expected.str() + "'");
  }

  bool atName() const { return !token.empty() && llvm::isAlpha(token[0]); }

  unsigned getFactor() {
    for (auto [index, factor] : llvm::enumerate(rule.factors))
      if (factor.name == token)
        return index;
    return rule.add(token, 1);
  }

  bool parseProduct(llvm::SmallVector<unsigned, 2> &product) {
    while (true) {
      if (accept("1"))
        continue;
      if (!atName())
        return true;
      product.push_back(getFactor());
      next();
    }
  }

  bool parseAxis(AxisExpr &axis) {
    if (accept("~"))
      axis.reversed = true;
    if (accept("1")) {
      axis.terms.emplace_back();
      return true;
    }
    if (accept("(")) {
      do {
        axis.terms.emplace_back();
        if (!parseProduct(axis.terms.back()))
          return false;
      } while (accept("+"));
      return expect(")");
    }
    if (!atName())
      return fail("expected an axis");
    axis.terms.push_back({getFactor()});
    next();
    return true;
  }

  bool parseTensors(std::vector<TensorAxes> &tensors) {
    if (accept("-"))
      return true;
    do {
      tensors.emplace_back();
      if (accept("_"))
        continue;
      while (atName() || token == "(" || token == "1" || token == "~") {
        AxisExpr axis;
        if (!parseAxis(axis))
          return false;
        tensors.back().push_back(std::move(axis));
      }
    } while (accept(","));
    return true;
  }

  bool parseFactor() {
    if (!atName())
      return fail("expected a factor");
    unsigned index = getFactor();
    declared.insert({token, true});
    next();
    if (!expect("="))
      return false;
    AxisFactor &factor = rule.factors[index];
    if (token == "?")
      factor.extent = AxisRule::kDynamic;
    else if (token.getAsInteger(10, factor.extent) || factor.extent < 0)
      return fail("expected an extent");
    next();
    if (accept("block"))
      factor.role = FactorRole::Block;
    else if (accept("fixed"))
      factor.role = FactorRole::Fixed;
    else if (accept("spatial"))
      factor.role = FactorRole::Spatial;
    if (accept("nonzero"))
      factor.zeroInvariant = false;
    if (accept("dropped"))
      factor.dropped = true;
    if (accept("pinned")) {
      if (token.size() < 2 || token.front() != '"' || token.back() != '"')
        return fail("expected a reason in quotes");
      factor.pin = token.drop_front().drop_back().str();
      next();
    }
    return true;
  }

  StringRef text;
  StringRef token;
  AxisRule &rule;
  llvm::StringMap<bool> declared;
};

} // namespace

bool AxisRule::parse(StringRef text, AxisRule &rule, std::string &error) {
  rule = AxisRule();
  Parser parser(text, rule);
  if (parser.parseRule())
    return true;
  error = parser.error;
  return false;
}
