import Datasets
import Experiments
import Files
import Foundation
import JSON
import TensorCore

/// `bitlab predict MODEL FILE...`: the class that a model in a file gives to images.
struct PredictVerb {
  static let verb = Verb(
    "predict", "tell the class of images by a model file", Operands("MODEL FILE...", .file, 2...Int.max),
    details: """
      MODEL is a file of `bitlab export --format packed` or a run's model.safetensors. Each FILE is IDX (one image or many), binary PGM or PPM, or PNG with 8 bits a channel, and has the size and channels that the model was trained on. Prints a line for each image: its file, its number where there are several, the class from 0, and its probability.
      """,
    exitCodes: [(0, "done"), (65, "the model or an image is damaged, missing, or of another kind or size")]
  ) { try PredictVerb(arguments: $0, console: $1).run() }

  let arguments: Arguments
  let console: Console
  private let files: any FileSystem = POSIXFileSystem()

  func run() throws -> Int32 {
    do {
      let model = try WeightFile(reading: arguments.operands[0], in: files)
      let inference = try model.inference(Team(pool: ComputePool(cores: Machine.cores)))
      var predictions: [JSONValue] = []
      // Nothing is told of some images before all are known to be fine.
      let pictures = try arguments.operands.dropFirst().map { path in
        (
          path,
          try Pictures(
            reading: path, shape: model.description.specification.image,
            whiteLevel: model.description.dataset.whiteLevel)
        )
      }
      for (path, pictures) in pictures {
        for (index, probabilities) in model.probabilities(of: pictures, inference).enumerated() {
          let best = probabilities.indices.max { probabilities[$0] < probabilities[$1] } ?? 0
          if arguments.json {
            predictions.append(
              .object([
                .init("file", .string(path)), .init("image", .integer(index)), .init("class", .integer(best)),
                .init("probabilities", .array(probabilities.map { .init($0) })),
              ]))
          } else {
            let place = pictures.count == 1 ? path : "\(path) \(index)"
            console.result("\(place): \(best) (\(String(format: "%.1f", 100 * probabilities[best]))%)")
          }
        }
      }
      if arguments.json { console.result(JSONValue.array(predictions).pretty) }
      return ExitCode.done
    } catch  where error is FileContentError || error is FileError || error is DatasetError {
      console.error("\(error)")
      return ExitCode.data
    }
  }
}
