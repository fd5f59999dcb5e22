// RUN: split-file %s %t
// RUN: neuroplast-opt --neuro-dropin="units=1" %t/layer-norm.mlir | FileCheck %s --check-prefix=LAYER
// RUN: neuroplast-opt --neuro-dropin="units=1" %t/rms-norm.mlir | FileCheck %s --check-prefix=RMS
// RUN: neuroplast-opt --neuro-dropin="units=1" %t/variance.mlir | FileCheck %s --check-prefix=VARIANCE
// RUN: neuroplast-opt --neuro-dropin="units=1" %t/tied.mlir | FileCheck %s --check-prefix=TIED
// RUN: neuroplast-opt --neuro-dropin="units=1 init=net2wider report=1" %t/rms-norm.mlir -o /dev/null 2>&1 | FileCheck %s --check-prefix=COPIES
// RUN: neuroplast-opt --neuro-dropin="units=1 report=1" %t/post-norm.mlir -o /dev/null 2>&1 | FileCheck %s --check-prefix=POST
// RUN: neuroplast-opt --neuro-dropin="units=1 report=1" %t/shared.mlir -o /dev/null 2>&1 | FileCheck %s --check-prefix=SHARED
// RUN: neuroplast-opt --neuro-dropin="units=1 report=1" %t/joined.mlir -o /dev/null 2>&1 | FileCheck %s --check-prefix=JOINED

// A layer norm takes the average of the others: their variance falls by 3 / 4, and
// the scale by its root. What epsilon and scale were is kept.
// LAYER: @in {{.*}}[1.000000e+00, 2.000000e+00, 6.000000e+00, 3.000000e+00], [3.000000e+00, 5.000000e+00, 1.000000e+00, 3.000000e+00]]>
// LAYER: @bias {{.*}}[1.000000e+00, 2.000000e+00, 0.000000e+00, 1.000000e+00]>
// LAYER: @scale {{.*}}[0.866025388, 1.73205078, 0.000000e+00, 0.866025388]>
// LAYER: @out {{.*}}[7.000000e+00], [8.000000e+00], [9.000000e+00], [0.000000e+00]]>
// LAYER: neuro.layer_norm {{.*}}epsilon = 3.000000e+00 : f32
// LAYER: neuro.removed @scale = {{.*}} : tensor<3xf32>
// LAYER: neuro.replaced_number @scale "epsilon" = 4.000000e+00

//--- layer-norm.mlir
neuro.param @in trainable = dense<[[1.0, 2.0, 6.0], [3.0, 5.0, 1.0]]> : tensor<2x3xf32>
neuro.param @bias trainable = dense<[1.0, 2.0, 0.0]> : tensor<3xf32>
neuro.param @scale trainable = dense<[1.0, 2.0, 0.0]> : tensor<3xf32>
neuro.param @out trainable = dense<[[7.0], [8.0], [9.0]]> : tensor<3x1xf32>
func.func @main(%x: tensor<5x2xf32> {neuro.name = "x"}) -> (tensor<5x1xf32> {neuro.name = "y"}) {
  %in = neuro.get_param @in : tensor<2x3xf32>
  %bias = neuro.get_param @bias : tensor<3xf32>
  %scale = neuro.get_param @scale : tensor<3xf32>
  %out = neuro.get_param @out : tensor<3x1xf32>
  %0 = neuro.matmul %x, %in : (tensor<5x2xf32>, tensor<2x3xf32>) -> tensor<5x3xf32>
  %1 = neuro.add %0, %bias : (tensor<5x3xf32>, tensor<3xf32>) -> tensor<5x3xf32>
  %2, %mean, %deviation = neuro.layer_norm %1, %scale {axis = 1 : i64, epsilon = 4.0 : f32} : (tensor<5x3xf32>, tensor<3xf32>) -> (tensor<5x3xf32>, tensor<5x1xf32>, tensor<5x1xf32>)
  %3 = neuro.matmul %2, %out : (tensor<5x3xf32>, tensor<3x1xf32>) -> tensor<5x1xf32>
  return %3 : tensor<5x1xf32>
}

// An RMS norm takes zeros, and then whoever reads it may read the newborn.
// RMS: @in {{.*}}[1.000000e+00, 2.000000e+00, 6.000000e+00, 0.000000e+00], [3.000000e+00, 5.000000e+00, 1.000000e+00, 0.000000e+00]]>
// RMS: @scale {{.*}}[0.866025388, 1.73205078, 0.000000e+00, 0.866025388]>
// RMS: @out {{.*}}[9.000000e+00], [{{-?(0\.[0-9]*[1-9]|[1-9.])}}
// RMS: neuro.rms_norm {{.*}}epsilon = 3.000000e+00 : f32
// COPIES: 3 ('neuro.rms_norm' counts the units that it runs over)

//--- rms-norm.mlir
neuro.param @in trainable = dense<[[1.0, 2.0, 6.0], [3.0, 5.0, 1.0]]> : tensor<2x3xf32>
neuro.param @scale trainable = dense<[1.0, 2.0, 0.0]> : tensor<3xf32>
neuro.param @out trainable = dense<[[7.0], [8.0], [9.0]]> : tensor<3x1xf32>
func.func @main(%x: tensor<5x2xf32> {neuro.name = "x"}) -> (tensor<5x1xf32> {neuro.name = "y"}) {
  %in = neuro.get_param @in : tensor<2x3xf32>
  %scale = neuro.get_param @scale : tensor<3xf32>
  %out = neuro.get_param @out : tensor<3x1xf32>
  %0 = neuro.matmul %x, %in : (tensor<5x2xf32>, tensor<2x3xf32>) -> tensor<5x3xf32>
  %1 = neuro.rms_norm %0, %scale {axis = 1 : i64, epsilon = 4.0 : f32} : (tensor<5x3xf32>, tensor<3xf32>) -> tensor<5x3xf32>
  %2 = neuro.matmul %1, %out : (tensor<5x3xf32>, tensor<3x1xf32>) -> tensor<5x1xf32>
  return %2 : tensor<5x1xf32>
}

// Written as single ops, the mean of averages stays, what is left of them is zero,
// and only the mean of the squares is told how many they were.
// VARIANCE: @in {{.*}}[1.000000e+00, 2.000000e+00, 6.000000e+00, 3.000000e+00]
// VARIANCE: neuro.reduce_mean
// VARIANCE: neuro.sub
// VARIANCE: %[[SUM:.*]] = neuro.reduce_sum
// VARIANCE: neuro.constant dense<3.000000e+00> : tensor<f32>
// VARIANCE: neuro.div %[[SUM]]
// VARIANCE-NOT: replaced_number

//--- variance.mlir
neuro.param @in trainable = dense<[[1.0, 2.0, 6.0], [3.0, 5.0, 1.0]]> : tensor<2x3xf32>
func.func @main(%x: tensor<5x2xf32> {neuro.name = "x"}) -> (tensor<5x1xf32> {neuro.name = "y"}) {
  %in = neuro.get_param @in : tensor<2x3xf32>
  %0 = neuro.matmul %x, %in : (tensor<5x2xf32>, tensor<2x3xf32>) -> tensor<5x3xf32>
  %1 = neuro.reduce_mean %0 {axes = array<i64: 1>} : (tensor<5x3xf32>) -> tensor<5x1xf32>
  %2 = neuro.sub %0, %1 : (tensor<5x3xf32>, tensor<5x1xf32>) -> tensor<5x3xf32>
  %3 = neuro.mul %2, %2 : (tensor<5x3xf32>, tensor<5x3xf32>) -> tensor<5x3xf32>
  %4 = neuro.reduce_mean %3 {axes = array<i64: 1>} : (tensor<5x3xf32>) -> tensor<5x1xf32>
  return %4 : tensor<5x1xf32>
}

// A table that makes the stream and reads it at the end, too, cannot have zeros for
// newborns: the norm between makes them.
// TIED: @words {{.*}}[1.000000e+00, 2.000000e+00, 6.000000e+00, 3.000000e+00], [3.000000e+00, 5.000000e+00, 1.000000e+00, 3.000000e+00]]>
// TIED: @scale {{.*}}[0.866025388, 1.73205078, 0.000000e+00, 0.000000e+00]>
// TIED: @shift {{.*}}[1.000000e+00, 2.000000e+00, 3.000000e+00, 0.000000e+00]>

//--- tied.mlir
neuro.param @words trainable = dense<[[1.0, 2.0, 6.0], [3.0, 5.0, 1.0]]> : tensor<2x3xf32>
neuro.param @scale trainable = dense<[1.0, 2.0, 0.0]> : tensor<3xf32>
neuro.param @shift trainable = dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
func.func @main(%x: tensor<5xi64> {neuro.name = "x"}) -> (tensor<5x2xf32> {neuro.name = "y"}) {
  %words = neuro.get_param @words : tensor<2x3xf32>
  %scale = neuro.get_param @scale : tensor<3xf32>
  %shift = neuro.get_param @shift : tensor<3xf32>
  %0 = neuro.gather %words, %x {axis = 0 : i64} : (tensor<2x3xf32>, tensor<5xi64>) -> tensor<5x3xf32>
  %1, %mean, %deviation = neuro.layer_norm %0, %scale, %shift {axis = 1 : i64} : (tensor<5x3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<5x3xf32>, tensor<5x1xf32>, tensor<5x1xf32>)
  %2 = neuro.transpose %words [1, 0] : tensor<2x3xf32> -> tensor<3x2xf32>
  %3 = neuro.matmul %1, %2 : (tensor<5x3xf32>, tensor<3x2xf32>) -> tensor<5x2xf32>
  return %3 : tensor<5x2xf32>
}

// What is no sum of weights has no average: what comes out of an activation, ...
// POST: 3 ('neuro.relu' makes the units, and not as sums of weights that could be averaged)

//--- post-norm.mlir
neuro.param @in trainable = dense<[[1.0, 2.0, 6.0], [3.0, 5.0, 1.0]]> : tensor<2x3xf32>
neuro.param @scale trainable = dense<[1.0, 2.0, 0.0]> : tensor<3xf32>
neuro.param @out trainable = dense<[[7.0], [8.0], [9.0]]> : tensor<3x1xf32>
func.func @main(%x: tensor<5x2xf32> {neuro.name = "x"}) -> (tensor<5x1xf32> {neuro.name = "y"}) {
  %in = neuro.get_param @in : tensor<2x3xf32>
  %scale = neuro.get_param @scale : tensor<3xf32>
  %out = neuro.get_param @out : tensor<3x1xf32>
  %0 = neuro.matmul %x, %in : (tensor<5x2xf32>, tensor<2x3xf32>) -> tensor<5x3xf32>
  %1 = neuro.relu %0 : (tensor<5x3xf32>) -> tensor<5x3xf32>
  %2, %mean, %deviation = neuro.layer_norm %1, %scale {axis = 1 : i64} : (tensor<5x3xf32>, tensor<3xf32>) -> (tensor<5x3xf32>, tensor<5x1xf32>, tensor<5x1xf32>)
  %3 = neuro.matmul %2, %out : (tensor<5x3xf32>, tensor<3x1xf32>) -> tensor<5x1xf32>
  return %3 : tensor<5x1xf32>
}

// ... and a scale that others read as it is cannot be multiplied.
// SHARED: 3 ('neuro.rms_norm' shares its scale with ops that do not count the units)

//--- shared.mlir
neuro.param @in trainable = dense<[[1.0, 2.0, 6.0], [3.0, 5.0, 1.0]]> : tensor<2x3xf32>
neuro.param @scale trainable = dense<[1.0, 2.0, 0.0]> : tensor<3xf32>
neuro.param @out trainable = dense<[[7.0], [8.0], [9.0]]> : tensor<3x1xf32>
func.func @main(%x: tensor<5x2xf32> {neuro.name = "x"}) -> (tensor<5x1xf32> {neuro.name = "y"}) {
  %in = neuro.get_param @in : tensor<2x3xf32>
  %scale = neuro.get_param @scale : tensor<3xf32>
  %out = neuro.get_param @out : tensor<3x1xf32>
  %0 = neuro.matmul %x, %in : (tensor<5x2xf32>, tensor<2x3xf32>) -> tensor<5x3xf32>
  %1 = neuro.rms_norm %0, %scale {axis = 1 : i64} : (tensor<5x3xf32>, tensor<3xf32>) -> tensor<5x3xf32>
  %2 = neuro.mul %1, %scale : (tensor<5x3xf32>, tensor<3xf32>) -> tensor<5x3xf32>
  %3 = neuro.matmul %2, %out : (tensor<5x3xf32>, tensor<3x1xf32>) -> tensor<5x1xf32>
  return %3 : tensor<5x1xf32>
}

// Two streams side by side have one mean, which is not that of either.
// JOINED: 2 ('neuro.layer_norm' counts more than these units)
// JOINED: 2 ('neuro.layer_norm' counts more than these units)

//--- joined.mlir
neuro.param @a trainable = dense<1.0> : tensor<2x2xf32>
neuro.param @b trainable = dense<1.0> : tensor<2x2xf32>
neuro.param @scale trainable = dense<[1.0, 2.0, 0.0, 3.0]> : tensor<4xf32>
neuro.param @out trainable = dense<[[7.0], [8.0], [9.0], [1.0]]> : tensor<4x1xf32>
func.func @main(%x: tensor<5x2xf32> {neuro.name = "x"}) -> (tensor<5x1xf32> {neuro.name = "y"}) {
  %a = neuro.get_param @a : tensor<2x2xf32>
  %b = neuro.get_param @b : tensor<2x2xf32>
  %scale = neuro.get_param @scale : tensor<4xf32>
  %out = neuro.get_param @out : tensor<4x1xf32>
  %0 = neuro.matmul %x, %a : (tensor<5x2xf32>, tensor<2x2xf32>) -> tensor<5x2xf32>
  %1 = neuro.matmul %x, %b : (tensor<5x2xf32>, tensor<2x2xf32>) -> tensor<5x2xf32>
  %2 = neuro.concat %0, %1 {axis = 1 : i64} : (tensor<5x2xf32>, tensor<5x2xf32>) -> tensor<5x4xf32>
  %3, %mean, %deviation = neuro.layer_norm %2, %scale {axis = 1 : i64} : (tensor<5x4xf32>, tensor<4xf32>) -> (tensor<5x4xf32>, tensor<5x1xf32>, tensor<5x1xf32>)
  %4 = neuro.matmul %3, %out : (tensor<5x4xf32>, tensor<4x1xf32>) -> tensor<5x1xf32>
  return %4 : tensor<5x1xf32>
}
