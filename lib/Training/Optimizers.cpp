//===- Optimizers.cpp - How parameters follow their gradients -------------===//
//
// Part of the Neuroplast Project, under the Apache License v2.0 with LLVM
// Exceptions. See LICENSE for licence information.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "neuroplast/Training/Optimizers.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace neuroplast::training;
using neuroplast::neuro::Term;

std::optional<Optimizer::Kind> Optimizer::parseKind(StringRef name) {
  return llvm::StringSwitch<std::optional<Kind>>(name)
      .Case("sgd", Kind::Sgd)
      .Case("adam", Kind::Adam)
      .Case("adamw", Kind::AdamW)
      .Case("rmsprop", Kind::RmsProp)
      .Case("adagrad", Kind::Adagrad)
      .Case("lion", Kind::Lion)
      .Default(std::nullopt);
}

StringRef Optimizer::getKinds() {
  return "sgd, adam, adamw, rmsprop, adagrad and lion";
}

SmallVector<StringRef> Optimizer::getStates() const {
  switch (kind) {
  case Kind::Sgd:
    if (momentum == 0)
      return {};
    return {"momentum"};
  case Kind::Adam:
  case Kind::AdamW:
    if (countsOwnSteps)
      return {"moment1", "moment2", "seen"};
    return {"moment1", "moment2"};
  case Kind::RmsProp:
  case Kind::Adagrad:
    return {"moment2"};
  case Kind::Lion:
    return {"moment1"};
  }
  llvm_unreachable("all kinds are covered");
}

Update neuroplast::training::buildUpdate(const Optimizer &o, const Term &p,
                                         const Term &gradient,
                                         ArrayRef<Term> states,
                                         const Term &rate, const Term &step) {
  Type element = p.getType().getElementType();
  Term r = rate.cast(element), t = step.cast(element), g = gradient;
  bool isDecoupled =
      o.kind == Optimizer::Kind::AdamW || o.kind == Optimizer::Kind::Lion;
  Term from = p;
  if (o.weightDecay != 0 && isDecoupled)
    from = p - p * (r * o.weightDecay);
  else if (o.weightDecay != 0)
    g = g + p * o.weightDecay;
  switch (o.kind) {
  case Optimizer::Kind::Sgd: {
    if (states.empty())
      return {from - g * r, {}};
    Term velocity = states[0] * o.momentum + g;
    Term direction = o.isNesterov ? g + velocity * o.momentum : velocity;
    return {from - direction * r, {velocity}};
  }
  case Optimizer::Kind::Adam:
  case Optimizer::Kind::AdamW: {
    Term first = states[0] * o.beta1 + g * (1 - o.beta1),
         second = states[1] * o.getBeta2() + g * g * (1 - o.getBeta2());
    // Moments that began at zero are corrected by scalars, or by what the
    // second one of a gradient of one is, which says how many steps there were.
    if (!o.countsOwnSteps) {
      Term scale = r / (1 - t.number(o.beta1).pow(t)),
           root = (1 - t.number(o.getBeta2()).pow(t)).sqrt();
      return {from - first * scale / (second.sqrt() / root + o.epsilon),
              {first, second}};
    }
    Term seen = states[2] * o.getBeta2() + (1 - o.getBeta2());
    double ratio = std::log(o.beta1) / std::log(o.getBeta2());
    Term scale = r / (1 - (1 - seen).pow(t.number(ratio)));
    return {from - first * scale / (second.sqrt() / seen.sqrt() + o.epsilon),
            {first, second, seen}};
  }
  case Optimizer::Kind::RmsProp: {
    Term second = states[0] * o.alpha + g * g * (1 - o.alpha);
    return {from - g * r / (second.sqrt() + o.epsilon), {second}};
  }
  case Optimizer::Kind::Adagrad: {
    Term sum = states[0] + g * g;
    return {from - g * r / (sum.sqrt() + o.epsilon), {sum}};
  }
  case Optimizer::Kind::Lion: {
    Term direction = (states[0] * o.beta1 + g * (1 - o.beta1)).sign();
    return {from - direction * r,
            {states[0] * o.getBeta2() + g * (1 - o.getBeta2())}};
  }
  }
  llvm_unreachable("all kinds are covered");
}
