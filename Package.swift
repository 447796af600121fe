// swift-tools-version: 6.2
import PackageDescription

/// The instruction set the program is compiled for, chosen here and nowhere else.
///
/// `BITLAB_CPU=native` (the default) uses everything this machine has; `x86-64-v4` runs on any CPU with AVX-512,
/// `x86-64-v3` on any with AVX2 and FMA; `baseline` on every CPU of the architecture. Results are identical to the byte between machines only
/// for the same choice on the same kind of CPU.
let cpu = Context.environment["BITLAB_CPU"] ?? "native"
precondition(
  ["native", "x86-64-v4", "x86-64-v3", "baseline"].contains(cpu),
  "BITLAB_CPU is \(cpu), expected native, x86-64-v4, x86-64-v3 or baseline")

/// Code does not inline across modules built with other CPU flags, so every target gets the same ones.
func cpuFlags() -> [String] {
  #if arch(x86_64)
    return ["-march=" + (cpu == "baseline" ? "x86-64" : cpu)]
  #else
    return cpu == "native" ? ["-mcpu=native"] : []
  #endif
}

let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .unsafeFlags(cpuFlags().flatMap { ["-Xcc", $0] }),
]

/// Inner loops begin on a cache line: where else they begin is up to the code before them, and a product's loop that spreads
/// over one line more is up to 15% slower (docs/performance.md).
func alignedLoops() -> [String] {
  #if arch(x86_64)
    return ["-Xllvm", "-x86-experimental-pref-innermost-loop-alignment=6"]
  #else
    return []
  #endif
}

func library(
  _ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [], flags: [String] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, exclude: exclude,
    swiftSettings: swiftSettings + (flags.isEmpty ? [] : [.unsafeFlags(flags)]))
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, resources: resources, swiftSettings: swiftSettings)
}

let package = Package(
  name: "BitLab",
  products: [.executable(name: "bitlab", targets: ["bitlab"])],
  targets: [
    .target(name: "CSIMD"),
    // Each file's functions name their instructions themselves; which is called is decided when the program runs.
    .target(name: "CKernels", cSettings: [.unsafeFlags(["-O2"])]),
    // Data alone: what the flags mean for the CPU that the program runs on.
    .target(name: "CBuildCPU", cSettings: [.unsafeFlags(cpuFlags())]),
    .target(name: "CSystem", dependencies: ["CBuildCPU"]),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"]), .yum(["zlib-devel"])]),
    library("TensorCore", ["CKernels", "CSIMD"], flags: alignedLoops()),
    library("Networks", ["TensorCore"]),
    library("JSON"),
    library("Files", ["CZlib", "JSON"]),
    library(
      "Datasets", ["CSIMD", "CZlib", "TensorCore"],
      exclude: ["Digits/generate_digits.py", "Digits/ATTRIBUTION.txt"]),
    library("Experiments", ["CSystem", "TensorCore", "Networks", "Datasets", "Files", "JSON"]),
    library("Scheduler", ["Files", "JSON", "CSystem"]),
    .executableTarget(
      name: "bitlab",
      dependencies: [
        "CSystem", "TensorCore", "Networks", "Datasets", "Files", "JSON", "Experiments", "Scheduler",
      ],
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "bitlab-benchmarks",
      dependencies: ["CSystem", "TensorCore", "Networks", "Datasets", "Files", "JSON", "Experiments"],
      path: "Benchmarks/Sources",
      swiftSettings: swiftSettings),
    .target(
      name: "TestSupport", dependencies: ["Files"], path: "Tests/Support", swiftSettings: swiftSettings),
    .target(name: "AllocationCounter", path: "Tests/AllocationCounter"),
    tests("TensorCoreTests", ["TensorCore"]),
    tests("NetworksTests", ["Networks", "TensorCore", "Files", "Datasets", "AllocationCounter"]),
    tests("DatasetsTests", ["Datasets", "TensorCore", "CZlib"]),
    tests("JSONTests", ["JSON", "TestSupport"]),
    tests("FilesTests", ["Files", "TestSupport"]),
    tests(
      "ExperimentsTests",
      ["Experiments", "Networks", "TensorCore", "Datasets", "Files", "JSON", "TestSupport"]),
    tests("ParityTests", ["Networks", "TensorCore", "Files", "Datasets", "Experiments"]),
    tests("SchedulerTests", ["Scheduler", "Files", "JSON", "TestSupport"]),
    tests(
      "BitLabTests",
      [
        "bitlab", "CSystem", "Experiments", "Datasets", "Files", "JSON", "Scheduler", "TensorCore",
        "TestSupport",
      ]),
  ]
)
