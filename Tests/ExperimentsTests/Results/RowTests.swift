import Experiments
import Files
import Testing

struct RowTests {
  private let row = CurveRow(
    experiment: "mnist", variant: "2-bit", seed: 3,
    grid: [
      GridText(key: "training.learning_rate", text: "1e-05"), GridText(key: "model.type", text: "a,b"),
    ],
    epoch: 1, step: 469, trainLoss: 0.25, trainAccuracy: 0.9, validationLoss: .infinity,
    validationAccuracy: nil, learningRate: 1e-5)
  private let keys = ["training.learning_rate", "model.type"]

  @Test func curvesHaveTheGridAfterTheSeed() {
    #expect(
      CurveRow.header(gridKeys: keys)
        == "experiment,variant,seed,training.learning_rate,model.type,epoch,step,train_loss,train_accuracy,"
        + "val_loss,val_accuracy,learning_rate\n")
    #expect(row.line == "mnist,2-bit,3,1e-05,\"a,b\",1,469,0.25,0.9,inf,,1e-05\n")
  }

  @Test func withoutAGridTheColumnsAreTheContracts() {
    #expect(
      CurveRow.header(gridKeys: [])
        == "experiment,variant,seed,epoch,step,train_loss,train_accuracy,val_loss,val_accuracy,learning_rate\n"
    )
  }

  @Test func stepsAndTimings() {
    #expect(
      StepRow.header(gridKeys: [])
        == "experiment,variant,seed,epoch,step,train_loss,train_accuracy,learning_rate\n")
    let step = StepRow(
      experiment: "mnist", variant: "1-bit", seed: 0, grid: [], epoch: 1, step: 50, trainLoss: 2.3,
      trainAccuracy: 0.125,
      learningRate: 0.0001)
    #expect(step.line == "mnist,1-bit,0,1,50,2.3,0.125,0.0001\n")
    let keys = ["training.batch_size", "training.schedule"]
    #expect(
      StepRow.header(gridKeys: keys)
        == "experiment,variant,seed,training.batch_size,training.schedule,epoch,step,train_loss,train_accuracy,learning_rate\n"
    )
    let varied = StepRow(
      experiment: "mnist", variant: "1-bit", seed: 0,
      grid: zip(keys, ["8", "cosine"]).map { GridText(key: $0, text: $1) },
      epoch: 1, step: 50, trainLoss: 2.3, trainAccuracy: 0.125, learningRate: 0.0001)
    #expect(varied.line == "mnist,1-bit,0,8,cosine,1,50,2.3,0.125,0.0001\n")
    #expect(TimingRow.header == "epoch,seconds,images_per_second\n")
    #expect(TimingRow(epoch: 2, seconds: 1.5, imagesPerSecond: 40_000).line == "2,1.5,40000.0\n")
  }

  @Test func aCurveReadsBackWithoutTheRowBeingWritten() throws {
    let text = CurveRow.header(gridKeys: keys) + row.line + row.line
    #expect(
      try CurveTable(decoding: text, from: "curve.csv") == CurveTable(gridKeys: keys, rows: [row, row]))
    #expect(try CurveTable(decoding: text + "mnist,2-b", from: "curve.csv").rows == [row, row])
    #expect(try CurveTable(decoding: CurveRow.header(gridKeys: []), from: "curve.csv").rows == [])
  }

  @Test(arguments: [
    ("", "has no header"),
    ("a,b\n", "its header is not that of a curve"),
    (
      CurveRow.header(gridKeys: []) + "mnist,2-bit,0,1,5,0.1,0.2,0.3,0.4\n",
      "record 2 is not a row of a curve"
    ),
    (
      CurveRow.header(gridKeys: []) + "mnist,2-bit,0,1,5,0.1,0.2,x,0.4,0.1\n",
      "record 2 is not a row of a curve"
    ),
    (CurveRow.header(gridKeys: []) + "mnist,\"2\"-bit\n", "line 2: text after a quoted field"),
  ])
  func anotherFileIsRefused(text: String, problem: String) {
    let error = #expect(throws: FileContentError.self) { try CurveTable(decoding: text, from: "curve.csv") }
    #expect(error?.problem == problem)
    #expect(error?.path == "curve.csv")
  }
}

struct MergedCurvesTests {
  private let header = CurveRow.header(gridKeys: ["a.b"])

  @Test func takesWholeRowsInTheGivenOrder() throws {
    let folder = try ResultsFixture()
    try folder.put(header + "m,v,1,x,1,1,0,0,0,0,0\n", as: "second")
    try folder.put(header + "m,v,0,x,1,1,0,0,0,0,0\nm,v,0,x,2,2,0,0,0,0,0\nm,v,0,x", as: "first")
    try folder.put("experim", as: "begun")
    try MergedCurves.write(
      ["first", "missing", "begun", "second"].map(folder.file), gridKeys: ["a.b"],
      to: folder.file("curves.csv"),
      in: folder.files)
    #expect(
      try folder.text("curves.csv")
        == header + "m,v,0,x,1,1,0,0,0,0,0\nm,v,0,x,2,2,0,0,0,0,0\nm,v,1,x,1,1,0,0,0,0,0\n")
  }

  @Test func anotherHeaderIsAnErrorAndTheOldFileStands() throws {
    let folder = try ResultsFixture()
    try folder.put("old", as: "curves.csv")
    try folder.put(CurveRow.header(gridKeys: []) + "m,v,1,1,1,0,0,0,0,0\n", as: "first")
    let error = #expect(throws: FileContentError.self) {
      try MergedCurves.write(
        [folder.file("first")], gridKeys: ["a.b"], to: folder.file("curves.csv"), in: folder.files)
    }
    #expect(error?.path == folder.file("first"))
    #expect(try folder.files.list(folder.path) == ["curves.csv", "first"])
    #expect(try folder.text("curves.csv") == "old")
  }
}
