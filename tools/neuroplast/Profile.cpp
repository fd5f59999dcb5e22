//===- Profile.cpp - What the time of a run goes into ---------------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Profile.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

using namespace neuroplast;
using namespace neuroplast::driver;

/// Rows that are printed and drawn; the others are summed up.
static constexpr size_t kLongest = 40;

std::vector<ProfileRow> driver::makeProfile(const Model &model, double runs,
                                            double peak, unsigned threads) {
  std::vector<ProfileRow> rows;
  double total = 0;
  for (const auto &[entry, nanoseconds, calls] : model.getProfile()) {
    double time = static_cast<double>(nanoseconds) / runs;
    double perRun = static_cast<double>(calls) / runs;
    double rate = time > 0 ? entry.operations * perRun / time : 0;
    rows.push_back({entry.nodes, entry.kernel, time / 1e6, perRun, 0, rate,
                    rate / (peak * threads)});
    total += time / 1e6;
  }
  if (!rows.empty())
    rows.front().nodes = "(no kernel: buffers, copies, checks, small ops)";
  for (ProfileRow &row : rows)
    row.share = total > 0 ? row.milliseconds / total : 0;
  llvm::sort(rows, [](const ProfileRow &a, const ProfileRow &b) {
    return a.milliseconds > b.milliseconds;
  });
  return rows;
}

/// A name of at most so many characters, cut in the middle.
static std::string shorten(llvm::StringRef name, size_t most) {
  if (name.size() <= most)
    return name.str();
  size_t half = (most - 3) / 2;
  return (name.take_front(half) + "..." + name.take_back(half)).str();
}

/// The longest rows, and one for the others.
static std::vector<ProfileRow> summarize(llvm::ArrayRef<ProfileRow> rows) {
  std::vector<ProfileRow> shown(rows.take_front(kLongest).vec());
  if (rows.size() > kLongest) {
    ProfileRow &rest = shown.emplace_back();
    rest = {llvm::formatv("({0} others)", rows.size() - kLongest),
            "",
            0,
            0,
            0,
            0,
            0};
    for (const ProfileRow &row : rows.drop_front(kLongest)) {
      rest.milliseconds += row.milliseconds;
      rest.share += row.share;
    }
  }
  return shown;
}

void driver::printProfile(llvm::raw_ostream &os,
                          llvm::ArrayRef<ProfileRow> rows) {
  os << "      ms   share  GFLOP/s  of peak  nodes\n";
  for (const ProfileRow &row : summarize(rows)) {
    os << llvm::format("%8.3f  %5.1f %%", row.milliseconds, 100 * row.share);
    if (row.gigaflops > 0)
      os << llvm::format("  %7.1f  %5.1f %%", row.gigaflops, 100 * row.ofPeak);
    else
      os << "                  ";
    os << "  " << shorten(row.nodes, 70) << "\n";
  }
}

llvm::json::Array driver::toJson(llvm::ArrayRef<ProfileRow> rows) {
  llvm::json::Array array;
  for (const ProfileRow &row : rows)
    array.push_back(llvm::json::Object{{"nodes", row.nodes},
                                       {"kernel", row.kernel},
                                       {"ms", row.milliseconds},
                                       {"calls", row.calls},
                                       {"share", row.share},
                                       {"gflops", row.gigaflops},
                                       {"of_peak", row.ofPeak}});
  return array;
}

/// A text as XML has it.
static std::string escape(llvm::StringRef text) {
  std::string result;
  for (char c : text)
    switch (c) {
    case '<':
      result += "&lt;";
      break;
    case '&':
      result += "&amp;";
      break;
    default:
      result += c;
    }
  return result;
}

void driver::drawProfile(llvm::raw_ostream &os,
                         llvm::ArrayRef<ProfileRow> rows) {
  std::vector<ProfileRow> shown = summarize(rows);
  constexpr double kLabel = 430, kBar = 420, kRow = 18, kTop = 40;
  double longest = 0;
  for (const ProfileRow &row : shown)
    longest = std::max(longest, row.milliseconds);
  os << llvm::formatv(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
      "<text x=\"10\" y=\"22\">Time of each kernel; dark: the time that it "
      "would take at the peak of the processor</text>\n",
      kLabel + kBar + 110, kTop + kRow * shown.size() + 10);
  for (auto [index, row] : llvm::enumerate(shown)) {
    double y = kTop + kRow * index;
    double width = longest > 0 ? kBar * row.milliseconds / longest : 0;
    os << llvm::formatv(
        "<text x=\"{0}\" y=\"{1:f1}\" text-anchor=\"end\">{2}</text>\n"
        "<rect x=\"{3}\" y=\"{4:f1}\" width=\"{5:f1}\" height=\"14\" "
        "fill=\"#a8c5e8\"/>\n"
        "<rect x=\"{3}\" y=\"{4:f1}\" width=\"{6:f1}\" height=\"14\" "
        "fill=\"#1f5fa8\"/>\n"
        "<text x=\"{7:f1}\" y=\"{1:f1}\">{8:f3} ms, {9:f1} %</text>\n",
        kLabel - 8, y + 12, escape(shorten(row.nodes, 60)), kLabel, y, width,
        width * std::min(row.ofPeak, 1.0), kLabel + width + 6, row.milliseconds,
        100 * row.share);
  }
  os << "</svg>\n";
}
