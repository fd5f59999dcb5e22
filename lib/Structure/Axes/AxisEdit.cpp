//===- AxisEdit.cpp - What axes become when atoms come and go -------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Structure/Axes/AxisEdit.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Sequence.h"
#include <algorithm>
#include <cmath>

using namespace neuroplast::structure;
using llvm::ArrayRef;
using llvm::SmallVector;

//===----------------------------------------------------------------------===//
// Maps
//===----------------------------------------------------------------------===//

IndexMap IndexMap::identity(int64_t extent) { return keepAllBut(extent, {}); }

IndexMap IndexMap::keepAllBut(int64_t extent, ArrayRef<int64_t> removed) {
  IndexMap map;
  for (int64_t i = 0; i < extent; ++i) {
    if (!removed.empty() && removed.front() == i)
      removed = removed.drop_front();
    else
      map.entries.push_back(i);
  }
  return map;
}

bool IndexMap::isIdentity(int64_t extent) const {
  return static_cast<int64_t>(entries.size()) == extent && isKeepList(extent);
}

bool IndexMap::isKeepList(int64_t extent) const {
  int64_t next = 0;
  for (int64_t entry : entries) {
    if (entry < next || entry >= extent)
      return false;
    next = entry + 1;
  }
  return true;
}

bool IndexMap::fits(int64_t extent) const {
  return llvm::all_of(entries, [&](int64_t entry) {
    return entry == kFresh || (entry >= 0 && entry < extent);
  });
}

//===----------------------------------------------------------------------===//
// Labels
//===----------------------------------------------------------------------===//

AxisEdit::Label AxisEdit::intern(SmallVector<Label, 2> atoms) const {
  llvm::sort(atoms);
  atoms.erase(llvm::unique(atoms), atoms.end());
  if (atoms.empty())
    return AxisAlgebra::kKept;
  if (atoms.size() == 1)
    return atoms.front();
  if (auto it = productNumber.find(atoms); it != productNumber.end())
    return it->second;
  Label number = firstProduct + products.size();
  products.push_back(std::move(atoms));
  productNumber[products.back()] = number;
  return number;
}

SmallVector<AxisEdit::Label, 2> AxisEdit::getAtoms(Label label) const {
  if (label == AxisAlgebra::kKept)
    return {};
  if (label < firstProduct)
    return {label};
  return products[label - firstProduct];
}

AxisEdit::Label AxisEdit::getLabel(Node place) const {
  SmallVector<Node, 2> atoms = algebra.getAtoms(place);
  return intern(std::move(atoms));
}

AxisEdit::Label AxisEdit::multiply(Label a, Label b) const {
  if (a == AxisAlgebra::kKept || a == b)
    return b;
  if (b == AxisAlgebra::kKept)
    return a;
  SmallVector<Label, 2> atoms = getAtoms(a);
  llvm::append_range(atoms, getAtoms(b));
  return intern(std::move(atoms));
}

std::optional<AxisEdit::Label> AxisEdit::getOrigin(Label label) const {
  SmallVector<Label, 2> atoms = getAtoms(label);
  for (Label &atom : atoms) {
    if (atom < algebra.getNumNodes())
      continue;
    std::optional<Node> origin = origins[atom - algebra.getNumNodes()];
    if (!origin)
      return std::nullopt;
    atom = *origin;
  }
  return intern(std::move(atoms));
}

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

AxisEdit::AxisEdit(const AxisAlgebra &algebra, ArrayRef<AtomMap> allMaps)
    : algebra(algebra) {
  for (const AtomMap &map : allMaps) {
    int64_t extent = map.atoms.size();
    if (map.map->isIdentity(extent))
      continue;
    for (auto [index, atom] : llvm::enumerate(map.atoms))
      members[atom] = {static_cast<unsigned>(maps.size()),
                       static_cast<int64_t>(index)};
    firstLabel.push_back(algebra.getNumNodes() + origins.size());
    for (auto [index, entry] : llvm::enumerate(map.map->entries)) {
      newUnits.push_back({map.set, static_cast<int64_t>(index)});
      origins.push_back(entry == IndexMap::kFresh
                            ? std::nullopt
                            : std::optional(map.atoms[entry]));
    }
    keepsOrder.push_back(map.map->isKeepList(extent));
    maps.push_back(map);
  }
  firstProduct = algebra.getNumNodes() + origins.size();
  known.resize(algebra.getTerms().size());
  findChangedTerms();
  solve();
  if (error.empty())
    checkRelations();
  if (error.empty())
    checkOrigins();
}

void AxisEdit::fail(llvm::StringRef reason, ArrayRef<unsigned> terms) {
  if (error.empty())
    error = reason.str();
  // The bases of which the terms are made.
  SmallVector<unsigned> pending(terms);
  while (!pending.empty()) {
    unsigned index = pending.pop_back_val();
    const AxisTerm &term = algebra.getTerms()[index];
    if (term.kind == AxisTerm::Base && !llvm::is_contained(conflicts, index))
      conflicts.push_back(index);
    llvm::append_range(pending, term.operands);
  }
}

bool AxisEdit::isChanged(Node place) const {
  return llvm::any_of(algebra.getAtoms(place),
                      [&](Node atom) { return members.contains(atom); });
}

void AxisEdit::findChangedTerms() {
  for (const AxisTerm &term : algebra.getTerms()) {
    bool isChangedTerm = false;
    if (term.kind == AxisTerm::Base)
      isChangedTerm = llvm::any_of(
          llvm::seq<Node>(term.first, term.first + term.extent * term.blocks),
          [&](Node place) { return isChanged(place); });
    else
      isChangedTerm = llvm::any_of(
          term.operands, [&](unsigned operand) { return changed[operand]; });
    changed.push_back(isChangedTerm);
  }
}

//===----------------------------------------------------------------------===//
// What old places tell of new ones
//===----------------------------------------------------------------------===//

bool AxisEdit::walk(Node first, int64_t extent,
                    std::vector<Label> &labels) const {
  for (int64_t i = 0; i < extent;) {
    SmallVector<Node, 2> atoms = algebra.getAtoms(first + i);
    SmallVector<Member, 2> touched;
    SmallVector<Label, 2> rest;
    for (Node atom : atoms)
      if (auto it = members.find(atom); it != members.end())
        touched.push_back(it->second);
      else
        rest.push_back(atom);
    // Leaving out is the same in every order.
    if (llvm::all_of(touched, [&](Member m) { return keepsOrder[m.set]; })) {
      bool isKept = llvm::all_of(touched, [&](Member m) {
        ArrayRef<int64_t> entries = maps[m.set].map->entries;
        const int64_t *entry = llvm::lower_bound(entries, m.index);
        if (entry == entries.end() || *entry != m.index)
          return false;
        rest.push_back(firstLabel[m.set] + (entry - entries.begin()));
        return true;
      });
      if (isKept)
        labels.push_back(intern(rest));
      ++i;
      continue;
    }
    // Otherwise the whole set has to stand here in its order, beneath what else
    // there is, each unit as often as the first. A single one that recurs may
    // be many copies of a set, or a set with many places each.
    if (touched.size() != 1)
      return false;
    const AtomMap &map = maps[touched.front().set];
    int64_t units = map.atoms.size(), copies = 1;
    auto combine = [&](Label atom) {
      SmallVector<Label, 2> all = rest;
      all.push_back(atom);
      return intern(std::move(all));
    };
    Label start = getLabel(first + i);
    while (i + copies < extent && getLabel(first + i + copies) == start)
      ++copies;
    int64_t count = units * copies;
    if (i + count > extent || (units == 1 && copies > 1))
      return false;
    for (int64_t j = 0; j < count; ++j)
      if (getLabel(first + i + j) != combine(map.atoms[j / copies]))
        return false;
    for (size_t j = 0; j < map.map->entries.size(); ++j)
      labels.insert(labels.end(), copies,
                    combine(firstLabel[touched.front().set] + j));
    i += count;
  }
  return true;
}

std::optional<AxisEdit::Places> AxisEdit::walk(const AxisTerm &base) const {
  Places places;
  for (unsigned block = 0; block < base.blocks; ++block) {
    size_t before = places.labels.size();
    if (!walk(base.first + block * base.extent, base.extent, places.labels))
      return std::nullopt;
    int64_t count = places.labels.size() - before;
    if (block > 0 && count != places.extent) {
      // Said by the caller, which sees that the blocks do not add up.
      places.extent = -1;
      return places;
    }
    places.extent = count;
  }
  return places;
}

std::optional<int64_t> AxisEdit::countPlaces(const AxisTerm &base) const {
  double count = 0;
  for (int64_t i = 0; i < base.extent; ++i) {
    double share = 1;
    for (Node atom : algebra.getAtoms(base.first + i))
      if (auto it = members.find(atom); it != members.end()) {
        const AtomMap &map = maps[it->second.set];
        share *= static_cast<double>(map.map->entries.size()) /
                 static_cast<double>(map.atoms.size());
      }
    count += share;
  }
  auto rounded = static_cast<int64_t>(std::llround(count));
  if (std::abs(count - static_cast<double>(rounded)) > 1e-6)
    return std::nullopt;
  return rounded;
}

//===----------------------------------------------------------------------===//
// What compositions tell
//===----------------------------------------------------------------------===//

/// The columns of a matrix, one after the other, of which the rows are given.
static std::vector<unsigned> transpose(ArrayRef<unsigned> rows,
                                       size_t columns) {
  std::vector<unsigned> result;
  result.reserve(rows.size());
  for (size_t column = 0; column < columns; ++column)
    for (size_t i = column; i < rows.size(); i += columns)
      result.push_back(rows[i]);
  return result;
}

const AxisEdit::Places *AxisEdit::evaluate(unsigned index) {
  std::optional<Places> &result = known[index];
  if (result)
    return &*result;
  const AxisTerm &term = algebra.getTerms()[index];
  Places places;
  places.extent = term.extent;
  SmallVector<const Places *> operands;
  for (unsigned operand : term.operands) {
    operands.push_back(evaluate(operand));
    if (!operands.back())
      return nullptr;
  }
  switch (term.kind) {
  case AxisTerm::Base:
    // `solve` walks or assigns those that change.
    if (changed[index])
      return nullptr;
    for (int64_t i = 0; i < term.extent * term.blocks; ++i)
      places.labels.push_back(getLabel(term.first + i));
    break;
  case AxisTerm::Kept:
    places.labels.assign(std::max<int64_t>(term.extent, 0) * term.blocks,
                         AxisAlgebra::kKept);
    break;
  case AxisTerm::Product:
    places = {1, {AxisAlgebra::kKept}};
    for (const Places *operand : operands) {
      Places next;
      next.extent = places.extent * operand->extent;
      next.labels.reserve(next.extent);
      for (Label major : places.labels)
        for (Label minor :
             ArrayRef(operand->labels).take_front(operand->extent))
          next.labels.push_back(multiply(major, minor));
      places = std::move(next);
    }
    break;
  case AxisTerm::Concat:
    places.extent = 0;
    for (const Places *operand : operands) {
      places.extent += operand->extent;
      llvm::append_range(places.labels,
                         ArrayRef(operand->labels).take_front(operand->extent));
    }
    break;
  case AxisTerm::Reverse:
    places = *operands[0];
    std::reverse(places.labels.begin(), places.labels.end());
    break;
  case AxisTerm::Flatten:
    places.labels = operands[0]->labels;
    places.extent = places.labels.size();
    break;
  case AxisTerm::Interleave:
    places.labels = transpose(operands[0]->labels, operands[0]->extent);
    places.extent = places.labels.size();
    break;
  }
  result = std::move(places);
  return &*result;
}

bool AxisEdit::assign(unsigned index, const Places &places) {
  if (known[index] || evaluate(index))
    return false;
  const AxisTerm &term = algebra.getTerms()[index];
  auto isKnown = [&](unsigned operand) { return evaluate(operand) != nullptr; };
  switch (term.kind) {
  case AxisTerm::Kept:
    return false;
  case AxisTerm::Base:
    if (places.labels.size() != places.extent * size_t(term.blocks))
      return false;
    known[index] = places;
    return true;
  case AxisTerm::Reverse: {
    Places reversed = places;
    std::reverse(reversed.labels.begin(), reversed.labels.end());
    return assign(term.operands[0], reversed);
  }
  case AxisTerm::Flatten: {
    Places blocks = places;
    unsigned count = algebra.getTerms()[term.operands[0]].blocks;
    if (places.extent % count)
      return false;
    blocks.extent = places.extent / count;
    return assign(term.operands[0], blocks);
  }
  case AxisTerm::Interleave: {
    unsigned count = algebra.getTerms()[term.operands[0]].blocks;
    if (places.extent % count)
      return false;
    return assign(term.operands[0],
                  {places.extent / count, transpose(places.labels, count)});
  }
  case AxisTerm::Concat: {
    // The parts are known by their lengths.
    bool news = false;
    int64_t offset = 0;
    int64_t unknown = llvm::count_if(
        term.operands, [&](unsigned operand) { return !isKnown(operand); });
    int64_t rest = places.extent;
    for (unsigned operand : term.operands)
      if (const Places *part = evaluate(operand))
        rest -= part->extent;
    for (unsigned operand : term.operands) {
      const Places *part = evaluate(operand);
      const AxisTerm &inner = algebra.getTerms()[operand];
      std::optional<int64_t> extent;
      if (part)
        extent = part->extent;
      else if (unknown == 1)
        extent = rest;
      else if (inner.kind == AxisTerm::Base && inner.blocks == 1)
        extent = countPlaces(inner);
      if (!extent || *extent < 0 || offset + *extent > places.extent)
        return news;
      if (!part)
        news |= assign(operand, {*extent,
                                 {places.labels.begin() + offset,
                                  places.labels.begin() + offset + *extent}});
      offset += *extent;
    }
    return news;
  }
  case AxisTerm::Product: {
    // One unknown factor is what remains of the places after the others.
    int64_t major = 1, minor = 1;
    std::optional<unsigned> unknown;
    SmallVector<Label, 2> others;
    for (unsigned operand : term.operands) {
      const Places *part = evaluate(operand);
      if (!part) {
        if (unknown)
          return false;
        unknown = operand;
        continue;
      }
      if (part->extent == 0)
        return false;
      llvm::append_range(others, getAtoms(part->labels.front()));
      (unknown ? minor : major) *= part->extent;
    }
    if (!unknown || places.extent % (major * minor))
      return false;
    Places factor;
    factor.extent = places.extent / (major * minor);
    for (int64_t i = 0; i < factor.extent; ++i) {
      SmallVector<Label, 2> atoms = getAtoms(places.labels[i * minor]);
      llvm::erase_if(
          atoms, [&](Label atom) { return llvm::is_contained(others, atom); });
      factor.labels.push_back(intern(std::move(atoms)));
    }
    return assign(*unknown, factor);
  }
  }
  return false;
}

void AxisEdit::solve() {
  ArrayRef<AxisTerm> terms = algebra.getTerms();
  for (auto [index, term] : llvm::enumerate(terms)) {
    if (!changed[index] || term.kind != AxisTerm::Base || term.isInterleaved)
      continue;
    known[index] = walk(term);
    if (known[index] && known[index]->extent < 0) {
      known[index].reset();
      fail("the edit leaves unequal numbers of units in the blocks of an axis",
           index);
    }
  }
  if (!error.empty())
    return;
  // What remains is known by its relations.
  for (bool news = true; news;) {
    news = false;
    for (auto [a, b] : algebra.getRelations()) {
      if (!changed[a] && !changed[b])
        continue;
      if (const Places *places = evaluate(a))
        news |= assign(b, Places(*places));
      if (const Places *places = evaluate(b))
        news |= assign(a, Places(*places));
    }
  }
  for (unsigned index = 0; index < terms.size(); ++index) {
    if (!changed[index])
      continue;
    const Places *places = evaluate(index);
    if (!places)
      fail("nothing says in which order the new indices of an axis stand",
           index);
    else if (places->extent == 0 && terms[index].extent != 0)
      fail("the edit leaves nothing of an axis", index);
  }
}

void AxisEdit::checkRelations() {
  auto agree = [](const Places &left, const Places &right) {
    if (left.extent != right.extent)
      return false;
    if (left.labels.size() == right.labels.size())
      return left.labels == right.labels;
    // Axes with and without blocks: all blocks are the same.
    for (size_t i = 0; i < left.labels.size(); i += left.extent)
      for (size_t j = 0; j < right.labels.size(); j += right.extent)
        if (!std::equal(left.labels.begin() + i,
                        left.labels.begin() + i + left.extent,
                        right.labels.begin() + j))
          return false;
    return true;
  };
  for (auto [a, b] : algebra.getRelations()) {
    if (!changed[a] && !changed[b])
      continue;
    const Places *left = evaluate(a), *right = evaluate(b);
    if (!left || !right || !agree(*left, *right))
      fail("two descriptions of an axis disagree on the order of its new "
           "indices",
           {a, b});
  }
}

void AxisEdit::checkOrigins() {
  for (auto [index, term] : llvm::enumerate(algebra.getTerms())) {
    if (!changed[index] || term.kind != AxisTerm::Base)
      continue;
    for (unsigned block = 0; block < term.blocks; ++block) {
      std::vector<Label> old;
      for (int64_t i = 0; i < term.extent; ++i)
        old.push_back(getLabel(term.first + block * term.extent + i));
      const Places &places = *known[index];
      if (!findSources(old, ArrayRef(places.labels)
                                .slice(block * places.extent, places.extent)))
        fail("the edit moves units to where their weights do not exist", index);
    }
  }
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

bool AxisEdit::changes(const Axis &axis) const {
  return axis.term != Axis::kNoTerm && changed[axis.term];
}

int64_t AxisEdit::getExtent(const Axis &axis) const {
  return changes(axis) ? known[axis.term]->extent : axis.extent;
}

std::optional<std::vector<int64_t>>
AxisEdit::findSources(ArrayRef<Label> oldLabels, ArrayRef<Label> labels) const {
  // An index that recurs, as in the gates of a recurrent layer, does so in the
  // same order as before.
  llvm::DenseMap<Label, SmallVector<int64_t, 4>> old;
  for (auto [place, label] : llvm::enumerate(oldLabels))
    old[label].push_back(place);
  llvm::DenseMap<Label, size_t> seen;
  std::vector<int64_t> sources;
  for (Label label : labels) {
    std::optional<Label> origin = getOrigin(label);
    if (!origin) {
      sources.push_back(IndexMap::kFresh);
      continue;
    }
    auto it = old.find(*origin);
    size_t occurrence = seen[label]++;
    if (it == old.end() || occurrence >= it->second.size())
      return std::nullopt;
    sources.push_back(it->second[occurrence]);
  }
  return sources;
}

PlaceLists AxisEdit::getSources(const Axis &axis) const {
  PlaceLists lists;
  if (!changes(axis)) {
    auto all = llvm::seq<int64_t>(0, axis.extent);
    lists.assign(axis.blocks, {all.begin(), all.end()});
    return lists;
  }
  const Places &places = *known[axis.term];
  for (unsigned block = 0; block < axis.blocks; ++block) {
    std::vector<Label> old;
    for (Node node : axis.getBlock(block))
      old.push_back(getLabel(node));
    // `checkOrigins` has made sure that there are some.
    lists.push_back(
        findSources(
            old,
            ArrayRef(places.labels).slice(block * places.extent, places.extent))
            .value_or(std::vector<int64_t>()));
  }
  return lists;
}

std::vector<std::vector<AxisEdit::NewPlace>>
AxisEdit::getNewPlaces(const Axis &axis) const {
  std::vector<std::vector<NewPlace>> blocks(axis.blocks);
  if (!changes(axis)) {
    for (auto &block : blocks)
      block.resize(axis.extent);
    return blocks;
  }
  const Places &places = *known[axis.term];
  for (auto [number, block] : llvm::enumerate(blocks)) {
    llvm::DenseMap<Label, unsigned> seen;
    for (Label label :
         ArrayRef(places.labels).slice(number * places.extent, places.extent)) {
      NewPlace &place = block.emplace_back();
      SmallVector<Label, 2> rest;
      for (Label atom : getAtoms(label))
        if (atom >= algebra.getNumNodes())
          place.units.push_back(newUnits[atom - algebra.getNumNodes()]);
        else
          rest.push_back(atom);
      place.rest = intern(std::move(rest));
      place.occurrence = seen[label]++;
    }
  }
  return blocks;
}
