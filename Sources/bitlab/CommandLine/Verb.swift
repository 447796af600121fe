/// What the program can be asked to do.
enum Verb: String, CaseIterable {
  case run, validate, summary, data, bench
  case daemon, submit, status, watch, logs, wait, pause, resume, cancel, restart, remove, shutdown

  var summary: String {
    switch self {
    case .run: "train every run of the given configs, to the end, and summarize"
    case .validate: "check configs and print the plan: runs, parameters, bytes of weights"
    case .summary: "print what came out of experiments, all of them or those named"
    case .data: "`data list` shows the data sets, `data verify` checks their files"
    case .bench: "measure matrix products, kernels and training steps on this machine"
    case .daemon: "watch a folder and train the configs dropped there, until told to stop"
    case .submit: "hand configs to the daemon"
    case .status: "list runs, and why they wait"
    case .watch: "a live table of what the daemon runs"
    case .logs: "print a run's log; -f follows it"
    case .wait: "return when runs have ended"
    case .pause: "stop runs at a checkpoint until they are resumed"
    case .resume: "let paused runs go on"
    case .cancel: "end runs for good"
    case .restart: "begin ended runs again, from nothing"
    case .remove: "remove experiments that have ended, with all their files"
    case .shutdown: "checkpoint everything and end the daemon"
    }
  }

  var usage: String {
    switch self {
    case .run: "bitlab run CONFIG... [options]"
    case .validate: "bitlab validate CONFIG... [options]"
    case .summary: "bitlab summary [EXPERIMENT...] [options]"
    case .data: "bitlab data list|verify [DATASET...] [options]"
    case .bench: "bitlab bench [gemm|kernels|train|scaling]... [options]"
    case .daemon: "bitlab daemon [options]"
    case .submit: "bitlab submit CONFIG... [options]"
    case .status, .watch, .wait: "bitlab \(rawValue) [RUN or EXPERIMENT...] [options]"
    case .logs: "bitlab logs RUN [-f] [options]"
    case .pause, .resume, .cancel: "bitlab \(rawValue) RUN or EXPERIMENT...|--all [options]"
    case .restart: "bitlab restart RUN or EXPERIMENT...|--all [--failed] [--yes] [options]"
    case .remove: "bitlab remove EXPERIMENT... [--yes] [options]"
    case .shutdown: "bitlab shutdown [--drain] [options]"
    }
  }

  /// What `bitlab VERB --help` adds.
  var details: String {
    switch self {
    case .run:
      """
      Trains in the foreground, as many runs at once as --jobs says, and writes results/<experiment>/: curves.csv, a
      summary, and a folder for each run. On a terminal it shows a live table, elsewhere a line per epoch.

      Ctrl-C checkpoints all runs and stops, a second one ends at once; the same command goes on where it stopped. Training
      does not wait for a terminal that is stopped. Runs that completed or diverged are left alone.

      The same name with more seeds, variants or grid values continues the experiment; where a run that is there would get
      other settings, results go to <name>-2. A run whose equal has completed under these results takes that over; --no-reuse
      trains it.

      Exit codes: 0 all runs completed; 1 a run failed or diverged; 65 data missing or damaged; 66 no such config;
      75 another process holds the results folder; 78 a config is wrong; 130 after Ctrl-C.
      """
    case .validate:
      """
      Reports everything that is wrong with each file as path:line:column: error: ..., and trains nothing.

      Exit codes: 0 all configs are right; 66 no such file; 78 a config is wrong.
      """
    case .summary:
      """
      Reads the runs' records under the results folder, so it also shows how far unfinished experiments are.
      """
    case .data:
      """
      Looks for official files, raw or .gz, in the data folder: mnist/, fashion-mnist/, cifar100/, where torchvision puts
      them, and where Debian's dataset-fashion-mnist does. `verify` compares their content with the official SHA-256.

      Exit codes: 0 all is well; 65 a file is damaged, or one of a data set that was named is missing.
      """
    case .bench:
      """
      gemm: products at the training's shapes, beside a loop of multiply-adds in registers. kernels: what is not a product.
      train: training steps of the article's three experiments on random data. scaling: time against batch, width, tokens,
      layers and runs at once. Without arguments all four. Wants a machine that does nothing else; -v says how far it is.

        --experiment NAME,...  for train: mnist-ffn, fashion-mnist-vit, cifar100-vit (default: all)
        --bits 32,2,1          for train: of the weights (default: all)
        --method NAME          for train: simple-bitnet or bitnet (default: simple-bitnet)
        --runs N               for train: models trained at once on the same cores (default: 1)
        --evaluate             for train: evaluation instead of training
        --threads N            for gemm, train and scaling: cores to use (default: all that the process may use)
        --seconds S            how long to measure: a line of train (default: 6), all of gemm (20) or of kernels (6);
                               scaling takes half of it (1) for each of five rounds of a line
      """
    case .daemon:
      """
      Stays in the foreground; a service manager keeps it up. Configs moved into the watched folder are taken into the
      journal and run in order; refused ones go to rejected/ there, with an explanation beside them. After a crash the next
      start goes on with every run from its last checkpoint.

      SIGTERM or SIGINT: checkpoint everything, exit 0; a Ctrl-C after that, or a SIGTERM two seconds later, ends at once.
      SIGHUP: open the log anew. --on-finish commands run one after the other.

      Exit codes: 0 after a shutdown; 75 another process holds the results folder.
      """
    case .submit:
      """
      The same config again is recognized: what completed or diverged is left alone, what failed or was cancelled goes on. The
      same name with more seeds, variants or grid values continues the experiment. --no-reuse trains runs whose equals have
      completed under these results.

      Exit codes: 0 accepted or known; 66 no such file; 69 no daemon; 78 a config is wrong, and none was submitted.
      """
    case .status:
      """
      Asks the daemon, or without one, or where it is another user's, reads the files. Of the runs that have ended it lists
      the newest 20; --ended lists all of them from the files, and a name all runs that it means.
      """
    case .watch:
      """
      Until Ctrl-C. With --json prints what there is now and ends. Exit code 69: no daemon, or it has ended.
      """
    case .logs:
      """
      RUN is <experiment>/<run id>. With -f prints what is added too, until the run has ended.
      """
    case .wait:
      """
      Without arguments waits for everything. Exit codes: 0 all completed or were cancelled; 1 one failed or diverged; 69 no
      daemon, or it ended first, by a shutdown too.
      """
    case .pause, .resume, .cancel:
      """
      RUN is <experiment>/<run id>; an experiment means all its runs. What cannot be done is said and changes nothing.

      Exit codes: 0 done, or said why not; 2 no such run; 69 no daemon.
      """
    case .restart:
      """
      RUN is <experiment>/<run id>; an experiment means all its runs. --failed leaves all alone but those that failed or
      diverged; alone it means all of these. A restarted run trains, also where an equal one has completed. Runs that have
      completed begin again only after a yes on the terminal, or with --yes.

      Exit codes: 0 done, or said why not; 2 no such run, or no yes; 69 no daemon.
      """
    case .remove:
      """
      Asks on the terminal first; elsewhere it wants --yes. Works without a daemon too.

      Exit codes: 0 removed; 2 no such experiment, one with runs that have not ended, or no yes; 75 another process holds the
      results folder.
      """
    case .shutdown:
      """
      With --drain nothing more begins and running runs end first; without, they are checkpointed and go on at the next
      start. Exit code 69: no daemon.
      """
    }
  }
}

/// The texts of `--help`.
enum Help {
  static var general: String {
    let verbs = Verb.allCases.map { verb in
      "  " + verb.rawValue.padding(toLength: 10, withPad: " ", startingAt: 0) + verb.summary
    }
    return """
      bitlab trains full-precision, 2-bit and 1-bit variants of a small network side by side.

      usage: bitlab VERB [arguments] [options]

      \(verbs.joined(separator: "\n"))

      \(options)

      `bitlab VERB --help` says more about a verb.
      """
  }

  static func verb(_ verb: Verb) -> String {
    "usage: \(verb.usage)\n\n\(verb.details)\n\n\(options)"
  }

  private static let options = """
    options, before or after arguments:
      --results DIR       where results go (default: results)
      --configs DIR       the folder the daemon watches (default: configs/queue)
      --data DIR          where data sets are (default: the variable BITLAB_DATA, else data)
      -j, --jobs N        runs at once (default: the cores that the process may use,
                          affinity and CPU quota counted)
      --on-finish COMMAND what the daemon runs when an experiment has ended
      --drain, --all, -f  for shutdown, for pause and its kin, for logs
      --failed            for restart: what failed or diverged
      -y, --yes           for restart and remove: do not ask
      --no-reuse          for run, submit and daemon: train what could be taken over
      --ended             for status: every run that has ended
      --experiment, --bits, --method, --runs, --evaluate, --threads, --seconds
                          for bench
      --json              exactly one JSON value on stdout
      -v, -q              say more, say only errors
      --color WHEN        auto, always or never (NO_COLOR is heeded)
      -h, --help          this text
      --version           the program's version
    """
}
