// RUN: neuroplast-opt %s | neuroplast-opt | FileCheck %s
// RUN: neuroplast-opt %s --mlir-print-op-generic | neuroplast-opt | FileCheck %s

// CHECK-LABEL: @abs(
// CHECK: neuro.abs %{{.*}} : (tensor<3xf32>) -> tensor<3xf32>
func.func @abs(%a: tensor<3xf32>) -> tensor<3xf32> {
  %r = neuro.abs %a : (tensor<3xf32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @add(
// CHECK: neuro.add %{{.*}}, %{{.*}} : (tensor<f32>, tensor<f32>) -> tensor<f32>
func.func @add(%a: tensor<f32>, %b: tensor<f32>) -> tensor<f32> {
  %r = neuro.add %a, %b : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %r : tensor<f32>
}

// CHECK-LABEL: @and(
// CHECK: neuro.and %{{.*}}, %{{.*}} : (tensor<1xi1>, tensor<1xi1>) -> tensor<1xi1>
func.func @and(%a: tensor<1xi1>, %b: tensor<1xi1>) -> tensor<1xi1> {
  %r = neuro.and %a, %b : (tensor<1xi1>, tensor<1xi1>) -> tensor<1xi1>
  return %r : tensor<1xi1>
}

// CHECK-LABEL: @bit_shift(
// CHECK: neuro.bit_shift %{{.*}}, %{{.*}} {direction = "LEFT"} : (tensor<3xi8>, tensor<3xi8>) -> tensor<3xi8>
func.func @bit_shift(%a: tensor<3xi8>, %b: tensor<3xi8>) -> tensor<3xi8> {
  %r = neuro.bit_shift %a, %b {direction = "LEFT"} : (tensor<3xi8>, tensor<3xi8>) -> tensor<3xi8>
  return %r : tensor<3xi8>
}

// CHECK-LABEL: @bitwise_and(
// CHECK: neuro.bitwise_and %{{.*}}, %{{.*}} : (tensor<3x4xi32>, tensor<3x4xi32>) -> tensor<3x4xi32>
func.func @bitwise_and(%a: tensor<3x4xi32>, %b: tensor<3x4xi32>) -> tensor<3x4xi32> {
  %r = neuro.bitwise_and %a, %b : (tensor<3x4xi32>, tensor<3x4xi32>) -> tensor<3x4xi32>
  return %r : tensor<3x4xi32>
}

// CHECK-LABEL: @bitwise_not(
// CHECK: neuro.bitwise_not %{{.*}} : (tensor<3x4xi32>) -> tensor<3x4xi32>
func.func @bitwise_not(%a: tensor<3x4xi32>) -> tensor<3x4xi32> {
  %r = neuro.bitwise_not %a : (tensor<3x4xi32>) -> tensor<3x4xi32>
  return %r : tensor<3x4xi32>
}

// CHECK-LABEL: @bitwise_or(
// CHECK: neuro.bitwise_or %{{.*}}, %{{.*}} : (tensor<3x4xi32>, tensor<3x4xi32>) -> tensor<3x4xi32>
func.func @bitwise_or(%a: tensor<3x4xi32>, %b: tensor<3x4xi32>) -> tensor<3x4xi32> {
  %r = neuro.bitwise_or %a, %b : (tensor<3x4xi32>, tensor<3x4xi32>) -> tensor<3x4xi32>
  return %r : tensor<3x4xi32>
}

// CHECK-LABEL: @bitwise_xor(
// CHECK: neuro.bitwise_xor %{{.*}}, %{{.*}} : (tensor<3x4xi32>, tensor<3x4xi32>) -> tensor<3x4xi32>
func.func @bitwise_xor(%a: tensor<3x4xi32>, %b: tensor<3x4xi32>) -> tensor<3x4xi32> {
  %r = neuro.bitwise_xor %a, %b : (tensor<3x4xi32>, tensor<3x4xi32>) -> tensor<3x4xi32>
  return %r : tensor<3x4xi32>
}

// CHECK-LABEL: @cast(
// CHECK: neuro.cast %{{.*}} {to = i1} : (tensor<f32>) -> tensor<i1>
func.func @cast(%a: tensor<f32>) -> tensor<i1> {
  %r = neuro.cast %a {to = i1} : (tensor<f32>) -> tensor<i1>
  return %r : tensor<i1>
}

// CHECK-LABEL: @ceil(
// CHECK: neuro.ceil %{{.*}} : (tensor<f32>) -> tensor<f32>
func.func @ceil(%a: tensor<f32>) -> tensor<f32> {
  %r = neuro.ceil %a : (tensor<f32>) -> tensor<f32>
  return %r : tensor<f32>
}

// CHECK-LABEL: @celu(
// CHECK: neuro.celu %{{.*}} {alpha = 2.000000e+00 : f32} : (tensor<5xf16>) -> tensor<5xf16>
func.func @celu(%a: tensor<5xf16>) -> tensor<5xf16> {
  %r = neuro.celu %a {alpha = 2.000000e+00 : f32} : (tensor<5xf16>) -> tensor<5xf16>
  return %r : tensor<5xf16>
}

// CHECK-LABEL: @clip(
// CHECK: neuro.clip %{{.*}} : (tensor<3xi8>) -> tensor<3xi8>
func.func @clip(%a: tensor<3xi8>) -> tensor<3xi8> {
  %r = neuro.clip %a : (tensor<3xi8>) -> tensor<3xi8>
  return %r : tensor<3xi8>
}

// CHECK-LABEL: @clip_full(
// CHECK: neuro.clip %{{.*}} min(%{{.*}}) max(%{{.*}}) : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<f32>
func.func @clip_full(%a: tensor<f32>, %b: tensor<f32>, %c: tensor<f32>) -> tensor<f32> {
  %r = neuro.clip %a min(%b) max(%c) : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<f32>
  return %r : tensor<f32>
}

// CHECK-LABEL: @dequantize_linear(
// CHECK: neuro.dequantize_linear %{{.*}}, %{{.*}}, %{{.*}} : (tensor<4xui8>, tensor<f32>, tensor<ui8>) -> tensor<4xf32>
func.func @dequantize_linear(%a: tensor<4xui8>, %b: tensor<f32>, %c: tensor<ui8>) -> tensor<4xf32> {
  %r = neuro.dequantize_linear %a, %b, %c : (tensor<4xui8>, tensor<f32>, tensor<ui8>) -> tensor<4xf32>
  return %r : tensor<4xf32>
}

// CHECK-LABEL: @div(
// CHECK: neuro.div %{{.*}}, %{{.*}} : (tensor<f32>, tensor<f32>) -> tensor<f32>
func.func @div(%a: tensor<f32>, %b: tensor<f32>) -> tensor<f32> {
  %r = neuro.div %a, %b : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %r : tensor<f32>
}

// CHECK-LABEL: @elu(
// CHECK: neuro.elu %{{.*}} : (tensor<5xf16>) -> tensor<5xf16>
func.func @elu(%a: tensor<5xf16>) -> tensor<5xf16> {
  %r = neuro.elu %a : (tensor<5xf16>) -> tensor<5xf16>
  return %r : tensor<5xf16>
}

// CHECK-LABEL: @equal(
// CHECK: neuro.equal %{{.*}}, %{{.*}} : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi1>
func.func @equal(%a: tensor<1xi64>, %b: tensor<1xi64>) -> tensor<1xi1> {
  %r = neuro.equal %a, %b : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi1>
  return %r : tensor<1xi1>
}

// CHECK-LABEL: @erf(
// CHECK: neuro.erf %{{.*}} : (tensor<3xf32>) -> tensor<3xf32>
func.func @erf(%a: tensor<3xf32>) -> tensor<3xf32> {
  %r = neuro.erf %a : (tensor<3xf32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @exp(
// CHECK: neuro.exp %{{.*}} : (tensor<3xf32>) -> tensor<3xf32>
func.func @exp(%a: tensor<3xf32>) -> tensor<3xf32> {
  %r = neuro.exp %a : (tensor<3xf32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @floor(
// CHECK: neuro.floor %{{.*}} : (tensor<3xf32>) -> tensor<3xf32>
func.func @floor(%a: tensor<3xf32>) -> tensor<3xf32> {
  %r = neuro.floor %a : (tensor<3xf32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @gelu(
// CHECK: neuro.gelu %{{.*}} : (tensor<3xf32>) -> tensor<3xf32>
func.func @gelu(%a: tensor<3xf32>) -> tensor<3xf32> {
  %r = neuro.gelu %a : (tensor<3xf32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @greater(
// CHECK: neuro.greater %{{.*}}, %{{.*}} : (tensor<10xf64>, tensor<10xf64>) -> tensor<10xi1>
func.func @greater(%a: tensor<10xf64>, %b: tensor<10xf64>) -> tensor<10xi1> {
  %r = neuro.greater %a, %b : (tensor<10xf64>, tensor<10xf64>) -> tensor<10xi1>
  return %r : tensor<10xi1>
}

// CHECK-LABEL: @greater_or_equal(
// CHECK: neuro.greater_or_equal %{{.*}}, %{{.*}} : (tensor<3x4x5xf32>, tensor<5xf32>) -> tensor<3x4x5xi1>
func.func @greater_or_equal(%a: tensor<3x4x5xf32>, %b: tensor<5xf32>) -> tensor<3x4x5xi1> {
  %r = neuro.greater_or_equal %a, %b : (tensor<3x4x5xf32>, tensor<5xf32>) -> tensor<3x4x5xi1>
  return %r : tensor<3x4x5xi1>
}

// CHECK-LABEL: @hard_sigmoid(
// CHECK: neuro.hard_sigmoid %{{.*}} : (tensor<3x4x5xf32>) -> tensor<3x4x5xf32>
func.func @hard_sigmoid(%a: tensor<3x4x5xf32>) -> tensor<3x4x5xf32> {
  %r = neuro.hard_sigmoid %a : (tensor<3x4x5xf32>) -> tensor<3x4x5xf32>
  return %r : tensor<3x4x5xf32>
}

// CHECK-LABEL: @hard_swish(
// CHECK: neuro.hard_swish %{{.*}} : (tensor<3x4x5xf32>) -> tensor<3x4x5xf32>
func.func @hard_swish(%a: tensor<3x4x5xf32>) -> tensor<3x4x5xf32> {
  %r = neuro.hard_swish %a : (tensor<3x4x5xf32>) -> tensor<3x4x5xf32>
  return %r : tensor<3x4x5xf32>
}

// CHECK-LABEL: @is_inf(
// CHECK: neuro.is_inf %{{.*}} : (tensor<6xf32>) -> tensor<6xi1>
func.func @is_inf(%a: tensor<6xf32>) -> tensor<6xi1> {
  %r = neuro.is_inf %a : (tensor<6xf32>) -> tensor<6xi1>
  return %r : tensor<6xi1>
}

// CHECK-LABEL: @is_nan(
// CHECK: neuro.is_nan %{{.*}} : (tensor<6xf32>) -> tensor<6xi1>
func.func @is_nan(%a: tensor<6xf32>) -> tensor<6xi1> {
  %r = neuro.is_nan %a : (tensor<6xf32>) -> tensor<6xi1>
  return %r : tensor<6xi1>
}

// CHECK-LABEL: @leaky_relu(
// CHECK: neuro.leaky_relu %{{.*}} : (tensor<3x4x5xf32>) -> tensor<3x4x5xf32>
func.func @leaky_relu(%a: tensor<3x4x5xf32>) -> tensor<3x4x5xf32> {
  %r = neuro.leaky_relu %a : (tensor<3x4x5xf32>) -> tensor<3x4x5xf32>
  return %r : tensor<3x4x5xf32>
}

// CHECK-LABEL: @less(
// CHECK: neuro.less %{{.*}}, %{{.*}} : (tensor<f32>, tensor<3xf32>) -> tensor<3xi1>
func.func @less(%a: tensor<f32>, %b: tensor<3xf32>) -> tensor<3xi1> {
  %r = neuro.less %a, %b : (tensor<f32>, tensor<3xf32>) -> tensor<3xi1>
  return %r : tensor<3xi1>
}

// CHECK-LABEL: @less_or_equal(
// CHECK: neuro.less_or_equal %{{.*}}, %{{.*}} : (tensor<4x6xi64>, tensor<i64>) -> tensor<4x6xi1>
func.func @less_or_equal(%a: tensor<4x6xi64>, %b: tensor<i64>) -> tensor<4x6xi1> {
  %r = neuro.less_or_equal %a, %b : (tensor<4x6xi64>, tensor<i64>) -> tensor<4x6xi1>
  return %r : tensor<4x6xi1>
}

// CHECK-LABEL: @log(
// CHECK: neuro.log %{{.*}} : (tensor<3xf32>) -> tensor<3xf32>
func.func @log(%a: tensor<3xf32>) -> tensor<3xf32> {
  %r = neuro.log %a : (tensor<3xf32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @max(
// CHECK: neuro.max %{{.*}} : (tensor<3xf32>) -> tensor<3xf32>
func.func @max(%a: tensor<3xf32>) -> tensor<3xf32> {
  %r = neuro.max %a : (tensor<3xf32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @max_full(
// CHECK: neuro.max %{{.*}}, %{{.*}}, %{{.*}} : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
func.func @max_full(%a: tensor<3xf32>, %b: tensor<3xf32>, %c: tensor<3xf32>) -> tensor<3xf32> {
  %r = neuro.max %a, %b, %c : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @mean(
// CHECK: neuro.mean %{{.*}} : (tensor<3xf32>) -> tensor<3xf32>
func.func @mean(%a: tensor<3xf32>) -> tensor<3xf32> {
  %r = neuro.mean %a : (tensor<3xf32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @mean_full(
// CHECK: neuro.mean %{{.*}}, %{{.*}}, %{{.*}} : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
func.func @mean_full(%a: tensor<3xf32>, %b: tensor<3xf32>, %c: tensor<3xf32>) -> tensor<3xf32> {
  %r = neuro.mean %a, %b, %c : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @min(
// CHECK: neuro.min %{{.*}} : (tensor<3xf32>) -> tensor<3xf32>
func.func @min(%a: tensor<3xf32>) -> tensor<3xf32> {
  %r = neuro.min %a : (tensor<3xf32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @min_full(
// CHECK: neuro.min %{{.*}}, %{{.*}}, %{{.*}} : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
func.func @min_full(%a: tensor<3xf32>, %b: tensor<3xf32>, %c: tensor<3xf32>) -> tensor<3xf32> {
  %r = neuro.min %a, %b, %c : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @mish(
// CHECK: neuro.mish %{{.*}} : (tensor<10000xf32>) -> tensor<10000xf32>
func.func @mish(%a: tensor<10000xf32>) -> tensor<10000xf32> {
  %r = neuro.mish %a : (tensor<10000xf32>) -> tensor<10000xf32>
  return %r : tensor<10000xf32>
}

// CHECK-LABEL: @mod(
// CHECK: neuro.mod %{{.*}}, %{{.*}} : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
func.func @mod(%a: tensor<1xi64>, %b: tensor<1xi64>) -> tensor<1xi64> {
  %r = neuro.mod %a, %b : (tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  return %r : tensor<1xi64>
}

// CHECK-LABEL: @mul(
// CHECK: neuro.mul %{{.*}}, %{{.*}} : (tensor<5xf16>, tensor<f16>) -> tensor<5xf16>
func.func @mul(%a: tensor<5xf16>, %b: tensor<f16>) -> tensor<5xf16> {
  %r = neuro.mul %a, %b : (tensor<5xf16>, tensor<f16>) -> tensor<5xf16>
  return %r : tensor<5xf16>
}

// CHECK-LABEL: @neg(
// CHECK: neuro.neg %{{.*}} : (tensor<f32>) -> tensor<f32>
func.func @neg(%a: tensor<f32>) -> tensor<f32> {
  %r = neuro.neg %a : (tensor<f32>) -> tensor<f32>
  return %r : tensor<f32>
}

// CHECK-LABEL: @not(
// CHECK: neuro.not %{{.*}} : (tensor<3x4xi1>) -> tensor<3x4xi1>
func.func @not(%a: tensor<3x4xi1>) -> tensor<3x4xi1> {
  %r = neuro.not %a : (tensor<3x4xi1>) -> tensor<3x4xi1>
  return %r : tensor<3x4xi1>
}

// CHECK-LABEL: @or(
// CHECK: neuro.or %{{.*}}, %{{.*}} : (tensor<3x4x5xi1>, tensor<3x4x5xi1>) -> tensor<3x4x5xi1>
func.func @or(%a: tensor<3x4x5xi1>, %b: tensor<3x4x5xi1>) -> tensor<3x4x5xi1> {
  %r = neuro.or %a, %b : (tensor<3x4x5xi1>, tensor<3x4x5xi1>) -> tensor<3x4x5xi1>
  return %r : tensor<3x4x5xi1>
}

// CHECK-LABEL: @pow(
// CHECK: neuro.pow %{{.*}}, %{{.*}} : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
func.func @pow(%a: tensor<3xf32>, %b: tensor<f32>) -> tensor<3xf32> {
  %r = neuro.pow %a, %b : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @prelu(
// CHECK: neuro.prelu %{{.*}}, %{{.*}} : (tensor<3x4x5xf32>, tensor<5xf32>) -> tensor<3x4x5xf32>
func.func @prelu(%a: tensor<3x4x5xf32>, %b: tensor<5xf32>) -> tensor<3x4x5xf32> {
  %r = neuro.prelu %a, %b : (tensor<3x4x5xf32>, tensor<5xf32>) -> tensor<3x4x5xf32>
  return %r : tensor<3x4x5xf32>
}

// CHECK-LABEL: @quantize_linear(
// CHECK: neuro.quantize_linear %{{.*}}, %{{.*}}, %{{.*}} {to = ui8} : (tensor<6xf32>, tensor<f32>, tensor<ui8>) -> tensor<6xui8>
func.func @quantize_linear(%a: tensor<6xf32>, %b: tensor<f32>, %c: tensor<ui8>) -> tensor<6xui8> {
  %r = neuro.quantize_linear %a, %b, %c {to = ui8} : (tensor<6xf32>, tensor<f32>, tensor<ui8>) -> tensor<6xui8>
  return %r : tensor<6xui8>
}

// CHECK-LABEL: @reciprocal(
// CHECK: neuro.reciprocal %{{.*}} : (tensor<f32>) -> tensor<f32>
func.func @reciprocal(%a: tensor<f32>) -> tensor<f32> {
  %r = neuro.reciprocal %a : (tensor<f32>) -> tensor<f32>
  return %r : tensor<f32>
}

// CHECK-LABEL: @relu(
// CHECK: neuro.relu %{{.*}} : (tensor<f32>) -> tensor<f32>
func.func @relu(%a: tensor<f32>) -> tensor<f32> {
  %r = neuro.relu %a : (tensor<f32>) -> tensor<f32>
  return %r : tensor<f32>
}

// CHECK-LABEL: @round(
// CHECK: neuro.round %{{.*}} : (tensor<f32>) -> tensor<f32>
func.func @round(%a: tensor<f32>) -> tensor<f32> {
  %r = neuro.round %a : (tensor<f32>) -> tensor<f32>
  return %r : tensor<f32>
}

// CHECK-LABEL: @selu(
// CHECK: neuro.selu %{{.*}} : (tensor<3x4x5xf32>) -> tensor<3x4x5xf32>
func.func @selu(%a: tensor<3x4x5xf32>) -> tensor<3x4x5xf32> {
  %r = neuro.selu %a : (tensor<3x4x5xf32>) -> tensor<3x4x5xf32>
  return %r : tensor<3x4x5xf32>
}

// CHECK-LABEL: @shrink(
// CHECK: neuro.shrink %{{.*}} {lambd = 1.500000e+00 : f32} : (tensor<5xf32>) -> tensor<5xf32>
func.func @shrink(%a: tensor<5xf32>) -> tensor<5xf32> {
  %r = neuro.shrink %a {lambd = 1.500000e+00 : f32} : (tensor<5xf32>) -> tensor<5xf32>
  return %r : tensor<5xf32>
}

// CHECK-LABEL: @sigmoid(
// CHECK: neuro.sigmoid %{{.*}} : (tensor<3xf32>) -> tensor<3xf32>
func.func @sigmoid(%a: tensor<3xf32>) -> tensor<3xf32> {
  %r = neuro.sigmoid %a : (tensor<3xf32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @sign(
// CHECK: neuro.sign %{{.*}} : (tensor<11xf32>) -> tensor<11xf32>
func.func @sign(%a: tensor<11xf32>) -> tensor<11xf32> {
  %r = neuro.sign %a : (tensor<11xf32>) -> tensor<11xf32>
  return %r : tensor<11xf32>
}

// CHECK-LABEL: @softplus(
// CHECK: neuro.softplus %{{.*}} : (tensor<3xf32>) -> tensor<3xf32>
func.func @softplus(%a: tensor<3xf32>) -> tensor<3xf32> {
  %r = neuro.softplus %a : (tensor<3xf32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @softsign(
// CHECK: neuro.softsign %{{.*}} : (tensor<3xf32>) -> tensor<3xf32>
func.func @softsign(%a: tensor<3xf32>) -> tensor<3xf32> {
  %r = neuro.softsign %a : (tensor<3xf32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @sqrt(
// CHECK: neuro.sqrt %{{.*}} : (tensor<f32>) -> tensor<f32>
func.func @sqrt(%a: tensor<f32>) -> tensor<f32> {
  %r = neuro.sqrt %a : (tensor<f32>) -> tensor<f32>
  return %r : tensor<f32>
}

// CHECK-LABEL: @sub(
// CHECK: neuro.sub %{{.*}}, %{{.*}} : (tensor<f32>, tensor<f32>) -> tensor<f32>
func.func @sub(%a: tensor<f32>, %b: tensor<f32>) -> tensor<f32> {
  %r = neuro.sub %a, %b : (tensor<f32>, tensor<f32>) -> tensor<f32>
  return %r : tensor<f32>
}

// CHECK-LABEL: @sum(
// CHECK: neuro.sum %{{.*}} : (tensor<3xf32>) -> tensor<3xf32>
func.func @sum(%a: tensor<3xf32>) -> tensor<3xf32> {
  %r = neuro.sum %a : (tensor<3xf32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @sum_full(
// CHECK: neuro.sum %{{.*}}, %{{.*}}, %{{.*}} : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
func.func @sum_full(%a: tensor<3xf32>, %b: tensor<3xf32>, %c: tensor<3xf32>) -> tensor<3xf32> {
  %r = neuro.sum %a, %b, %c : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @swish(
// CHECK: neuro.swish %{{.*}} : (tensor<3xf32>) -> tensor<3xf32>
func.func @swish(%a: tensor<3xf32>) -> tensor<3xf32> {
  %r = neuro.swish %a : (tensor<3xf32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @tanh(
// CHECK: neuro.tanh %{{.*}} : (tensor<3xf32>) -> tensor<3xf32>
func.func @tanh(%a: tensor<3xf32>) -> tensor<3xf32> {
  %r = neuro.tanh %a : (tensor<3xf32>) -> tensor<3xf32>
  return %r : tensor<3xf32>
}

// CHECK-LABEL: @thresholded_relu(
// CHECK: neuro.thresholded_relu %{{.*}} : (tensor<3x4x5xf32>) -> tensor<3x4x5xf32>
func.func @thresholded_relu(%a: tensor<3x4x5xf32>) -> tensor<3x4x5xf32> {
  %r = neuro.thresholded_relu %a : (tensor<3x4x5xf32>) -> tensor<3x4x5xf32>
  return %r : tensor<3x4x5xf32>
}

// CHECK-LABEL: @where(
// CHECK: neuro.where %{{.*}}, %{{.*}}, %{{.*}} : (tensor<5xi1>, tensor<5xf32>, tensor<f32>) -> tensor<5xf32>
func.func @where(%a: tensor<5xi1>, %b: tensor<5xf32>, %c: tensor<f32>) -> tensor<5xf32> {
  %r = neuro.where %a, %b, %c : (tensor<5xi1>, tensor<5xf32>, tensor<f32>) -> tensor<5xf32>
  return %r : tensor<5xf32>
}

// CHECK-LABEL: @xor(
// CHECK: neuro.xor %{{.*}}, %{{.*}} : (tensor<3x4xi1>, tensor<3x4xi1>) -> tensor<3x4xi1>
func.func @xor(%a: tensor<3x4xi1>, %b: tensor<3x4xi1>) -> tensor<3x4xi1> {
  %r = neuro.xor %a, %b : (tensor<3x4xi1>, tensor<3x4xi1>) -> tensor<3x4xi1>
  return %r : tensor<3x4xi1>
}

// CHECK-LABEL: @bit_cast(
// CHECK: neuro.bit_cast %{{.*}} {to = i32} : (tensor<2xf32>) -> tensor<2xi32>
func.func @bit_cast(%a: tensor<2xf32>) -> tensor<2xi32> {
  %r = neuro.bit_cast %a {to = i32} : (tensor<2xf32>) -> tensor<2xi32>
  return %r : tensor<2xi32>
}
