import Experiments

/// Scripts that complete the program's words in a shell, made of the table of verbs.
///
/// Names of experiments and runs come from the results folder, by the shell itself: that is faster than a process. Runs that
/// wait for their first turn have no folder yet; the daemon is asked for those of the experiment that is being typed.
enum Completions {
  enum Shell: String, CaseIterable {
    case bash, zsh, fish
  }

  static let verb = Verb(
    "completions", "print what a shell needs to complete bitlab's words",
    Operands("bash|zsh|fish", .words(Shell.allCases.map(\.rawValue)), 1...1),
    details: """
      bash: source <(bitlab completions bash), in ~/.bashrc.
      zsh: bitlab completions zsh > FOLDER/_bitlab, with a folder of $fpath.
      fish: bitlab completions fish > ~/.config/fish/completions/bitlab.fish.
      """
  ) { arguments, console in
    let word = arguments.operands[0]
    guard let shell = Shell(rawValue: word) else {
      let names = Shell.allCases.map(\.rawValue)
      let near = Nearest.name(to: word, among: names).map { ": did you mean `\($0)`?" }
      throw UsageError(
        "no completions for `\(word)`" + (near ?? ": there are \(names.joined(separator: ", "))"))
    }
    console.result(script(for: shell), as: "completions", arguments)
    return ExitCode.done
  }

  static func script(for shell: Shell) -> String {
    switch shell {
    case .bash: bash
    case .zsh: zsh
    case .fish: fish
    }
  }

  private static func spellings(_ options: [Option]) -> String {
    options.flatMap(\.spellings).joined(separator: " ")
  }

  /// As one word of a shell.
  private static func quoted(_ text: String) -> String { "'\(text.replacing("'", with: #"'\''"#))'" }

  /// What is offered for the first operand of a verb, and for the others: `words` and a list, or what is looked up; empty
  /// for nothing.
  private static func operands(_ verb: Verb) -> (first: String, later: String) {
    let first =
      switch verb.operands.kind {
      case .nothing: ""
      case .config: "configs"
      case .experiment: "experiments"
      case .run: "runs"
      case .file: "files"
      case .target: "targets"
      case .verb: "words " + Verb.all.map(\.name).joined(separator: " ")
      case .words(let words, _): "words " + words.joined(separator: " ")
      }
    if case .words(_, let then) = verb.operands.kind {
      return (first, then.isEmpty ? "" : "words " + then.joined(separator: " "))
    }
    return (first, verb.operands.count.upperBound > 1 ? first : "")
  }

  // MARK: - bash

  private static var bash: String {
    let valued = Option.all.filter { $0.takesValue && $0.name != Option.results.name }
    let values = Option.all.filter(\.takesValue).map { option in
      let offered =
        switch option.completion {
        case .nothing: "return"
        case .folders: "_bitlab_offer_files -d; return"
        case .files: "_bitlab_offer_files -f; return"
        case .choices(let names): "_bitlab_offer $'\(names.joined(separator: #"\n"#))'; return"
        }
      return "    \(option.spellings.joined(separator: "|"))) \(offered) ;;"
    }
    let verbs = Verb.all.map { verb in
      let (first, later) = operands(verb)
      let rest = later.isEmpty ? "" : " later='\(later)'"
      return "    \(verb.name)) options='\(spellings(verb.allOptions))' first='\(first)'\(rest) ;;"
    }
    return #"""
      # Completion of bitlab's words for bash.

      # Takes a line apart as the shell will: its words without their quotes, and of the last one what bash leaves as it is.
      _bitlab_split() {
        local line=$1 character quote= begun= i
        words=() word= shown= open=
        for ((i = 0; i < ${#line}; i++)); do
          character=${line:i:1}
          case $quote$character in
            \"\\ | \\) ((++i)); word+=${line:i:1} begun=1 ;;
            \'\' | \"\") quote= ;;
            \'* | \"*) if [[ $quote ]]; then word+=$character; else quote=$character begun=1; fi ;;
            [[:space:]]) [[ $begun ]] && words+=("$word"); word= shown= begun= ;;
            # Bash takes what is behind these for a word of its own.
            [=:]) word+=$character begun=1; [[ $COMP_WORDBREAKS == *"$character"* ]] && shown=$word ;;
            *) word+=$character begun=1 ;;
          esac
        done
        words+=("$word") open=$quote
      }

      # Offers names, one a line, that begin with the word.
      _bitlab_take() {
        local names name
        [[ $1 ]] || return
        mapfile -t names <<< "$1"
        if [[ $open || $1 != *[!A-Za-z0-9_./=$'\n'-]* ]]; then
          # There may be thousands: as bytes, and all at once, they take a tenth of the time.
          local LC_ALL=C
          names=("${names[@]#"$shown"}")
        else
          for name in "${!names[@]}"; do printf -v "names[$name]" %q "${names[name]#"$shown"}"; done
        fi
        [[ $lead ]] && names=("${names[@]/#/"$lead"}")
        COMPREPLY+=("${names[@]}")
      }

      # Offers those of some names that begin with the word.
      _bitlab_offer() {
        local name
        _bitlab_take "$(while IFS= read -r name; do
          [[ $name == "$word"* ]] && printf '%s\n' "$name"
        done <<< "$1")"
      }

      # Names of files bash puts into quotes itself.
      _bitlab_offer_files() {
        local open=1
        compopt -o filenames 2> /dev/null
        _bitlab_take "$(compgen "$@" -- "$word")"
      }

      # Those that begin with the word.
      _bitlab_names() {
        local name=${word%%/*} names prefix run
        if [[ $word != */* ]]; then
          for name in "$results/$word"*/config.json; do
            [[ -f $name ]] || continue
            name=${name%/config.json} name=${name##*/}
            # There may be thousands of runs: those of the experiment that is being typed are offered.
            if [[ $1 == runs ]]; then printf '%s/\n' "$name"; else printf '%s\n' "$name"; fi
          done
          return
        fi
        [[ $1 != experiments && -f $results/$name/config.json ]] || return
        (
          cd "$results/$name/runs" 2> /dev/null || exit
          LC_ALL=C
          names=("${word#*/}"*)
          prefix=${name//\\/\\\\}
          [[ -e ${names[0]} ]] && printf "${prefix//%/%%}/%s\n" "${names[@]}"
        )
        [[ -S $results/.bitlab/socket ]] &&
          bitlab status -q --queued --results "$results" "$name/*" 2> /dev/null |
          while read -r run _; do [[ $run == "$word"* ]] && printf '%s\n' "$run"; done
      }

      _bitlab() {
        local words word shown open lead= before= last i count=0
        local verb= results=${BITLAB_RESULTS:-results} options= first= later= operands
        _bitlab_split "${COMP_LINE:0:COMP_POINT}"
        last=$((${#words[@]} - 1))
        ((last == 0)) || before=${words[last - 1]}
        for ((i = 1; i < last; i++)); do
          case ${words[i]} in
            --results) ((++i)); results=${words[i]} ;;
            --results=*) results=${words[i]#*=} ;;
            \#(spellings(valued).replacing(" ", with: "|"))) ((++i)) ;;
            -*) ;;
            *) if [[ $verb ]]; then ((++count)); else verb=${words[i]}; fi ;;
          esac
        done
        [[ $results == "~" || $results == "~/"* ]] && results=$HOME${results:1}
        COMPREPLY=()
        if [[ $word == --*=* ]]; then
          before=${word%%=*} word=${word#*=}
          if [[ $shown ]]; then shown=${shown#"$before="}; else lead=$before=; fi
        fi
        case $before in
      \#(values.joined(separator: "\n"))
        esac
        [[ $lead ]] && return
        case $verb in
          "") options='\#(spellings(Option.common))' first='words \#(Verb.all.map(\.name).joined(separator: " "))' ;;
      \#(verbs.joined(separator: "\n"))
        esac
        if [[ $word == -* ]]; then _bitlab_offer "${options// /$'\n'}"; return; fi
        operands=$first
        ((count == 0)) || operands=$later
        case $operands in
          words*) operands=${operands#words }; _bitlab_offer "${operands// /$'\n'}" ;;
          configs) _bitlab_offer_files -d; _bitlab_offer_files -f -X '!*.json' ;;
          files) _bitlab_offer_files -f ;;
          runs|targets|experiments) _bitlab_take "$(_bitlab_names "$operands")"
            [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]] && compopt -o nospace 2> /dev/null ;;
        esac
        return 0
      }

      complete -F _bitlab bitlab
      """#
  }

  // MARK: - zsh

  private static var zsh: String {
    let verbs = Verb.all.map { "    \(quoted("\($0.name):\($0.summary)"))" }
    // Verbs' own options may stand before them; they are not offered there, but their values are no verbs.
    let hidden = Option.all.filter(\.takesValue).filter { option in
      !Option.common.contains { $0.name == option.name }
    }.flatMap(zsh).map { "'!" + $0.dropFirst() }
    let cases = Verb.all.map { verb in
      let arguments = (verb.allOptions.flatMap(zsh) + zshOperands(verb)).map { " \\\n        " + $0 }
      return "      \(verb.name)) _arguments -s -S\(arguments.joined()) ;;"
    }
    return #"""
      #compdef bitlab
      # Completion of bitlab's words for zsh.
      _bitlab_names() {
        # As it is on the line, with a backslash more before each.
        local results=${(Q)${(Q)opt_args[--results]:-$before}}
        results=${results:-${BITLAB_RESULTS:-results}}
        [[ $results == '~'(|/*) ]] && results=$HOME${results#'~'}
        local -aU experiments runs
        if [[ $PREFIX != */* ]]; then
          # There may be thousands of runs: those of the experiment that is being typed are offered.
          experiments=($results/*/config.json(N:h:t))
          if [[ $1 == runs ]]; then compadd -S / -- $experiments; else compadd -S ' ' -r '/ ' -- $experiments; fi
        elif [[ $1 != experiments ]]; then
          local name=${(Q)PREFIX%%/*}
          runs=($results/$name/runs/*(/N:t))
          runs=($name/$^runs)
          if [[ -S $results/.bitlab/socket ]]; then
            runs+=(${(M)${${(f)"$(bitlab status -q --queued --results $results "$name/*" 2> /dev/null)"}%% *}:#*/*})
          fi
          compadd -- $runs
        fi
      }

      _bitlab() {
        local curcontext=$curcontext state line before
        local -A opt_args
        local -a verbs
        verbs=(
      \#(verbs.joined(separator: "\n"))
        )
        _arguments -C -s -A '-*'\#((Option.common.flatMap(zsh) + hidden).map { " \\\n    " + $0 }.joined()) \
          '1: :->verb' '*:: :->rest'
        before=$opt_args[--results]
        case $state in
          verb) _describe verb verbs ;;
          rest)
            curcontext=${curcontext%:*:*}:bitlab-$words[1]:
            case $words[1] in
      \#(cases.joined(separator: "\n"))
            esac ;;
        esac
      }

      if [[ $funcstack[1] == _bitlab ]]; then _bitlab "$@"; else compdef _bitlab bitlab; fi
      """#
  }

  private static func zsh(_ option: Option) -> [String] {
    let summary = option.summary.replacing("[", with: #"\["#).replacing("]", with: #"\]"#)
    let value: String
    switch option.completion {
    case _ where !option.takesValue: value = ""
    case .nothing: value = ":\(option.expected.replacing(":", with: "")):"
    case .folders: value = ":folder:_files -/"
    case .files: value = ":file:_files"
    case .choices(let names): value = ":value:(\(names.joined(separator: " ")))"
    }
    return option.spellings.map { spelling in
      let isLong = spelling.hasPrefix("--")
      return quoted("\(spelling)\(option.takesValue ? (isLong ? "=" : "+") : "")[\(summary)]\(value)")
    }
  }

  /// An action that begins with a blank gets its words as they are.
  private static func zshOperands(_ verb: Verb) -> [String] {
    switch verb.operands.kind {
    case .nothing: []
    case .config: [quoted("*:config:_files -g \"*.json\"")]
    case .experiment: [quoted("*:experiment: _bitlab_names experiments")]
    case .run: [quoted("1:run: _bitlab_names runs")]
    case .file: [quoted("*:file:_files")]
    case .target: [quoted("*:run or experiment: _bitlab_names targets")]
    case .verb: [quoted("1:verb:(\(Verb.all.map(\.name).joined(separator: " ")))")]
    case .words(let words, let then):
      [quoted("1:word:(\(words.joined(separator: " ")))")]
        + (then.isEmpty ? [] : [quoted("*:word:(\(then.joined(separator: " ")))")])
    }
  }

  // MARK: - fish

  private static var fish: String {
    var lines: [String] = []
    for option in Option.common { lines.append(fish(option, "")) }
    for verb in Verb.all {
      lines.append(
        "complete -c bitlab -n '__bitlab_at \"\"' -a \(verb.name) -d \(quoted(verb.summary))")
      let condition = " -n '__bitlab_at \(verb.name)'"
      for option in verb.options { lines.append(fish(option, condition)) }
      let (first, later) = fishOperands(verb)
      for (offered, place) in [(first, "0 0"), (later, "1")] where !offered.isEmpty {
        lines.append("complete -c bitlab -n '__bitlab_at \(verb.name) \(place)' -a \(quoted(offered))")
      }
    }
    return #"""
      # Completion of bitlab's words for fish.

      # Whether that verb stands there, with so many operands behind it, before the word that is being typed.
      function __bitlab_at -a verb least most
        set -l words (commandline -opc)
        set -l given
        set -e words[1]
        while set -q words[1]
          if contains -- $words[1] \#(spellings(Option.all.filter(\.takesValue)))
            set -e words[1]
          else if not string match -q -- '-*' $words[1]
            set -a given $words[1]
          end
          set -e words[1]
        end
        test "$given[1]" = "$verb"; or return
        set -q least[1]; or return 0
        set -l count (math (count $given) - 1)
        test $count -ge $least; or return
        not set -q most[1]; or test $count -le $most
      end

      function __bitlab_configs
        __fish_complete_suffix .json | string match -r '^[^\t]*(?:\.json|/)(?:\t.*)?$'
      end

      function __bitlab_names
        set -l results results
        test -n "$BITLAB_RESULTS"; and set results $BITLAB_RESULTS
        set -l words (commandline -opc)
        for i in (seq (count $words))
          test "$words[$i]" = --results; and test $i -lt (count $words); and set results $words[(math $i + 1)]
          string match -q -- '--results=*' $words[$i]; and set results (string replace -- --results= '' $words[$i])
        end
        set results (string replace -r '^~(?=/|$)' $HOME -- $results)
        set -l name (string split -f 1 -m 1 / -- (commandline -ct | string match '*/*' | string unescape))
        if test -z "$name"
          # There may be thousands of runs: those of the experiment that is being typed are offered.
          set -l configs $results/*/config.json
          for experiment in (path basename (path dirname $configs))
            if test $argv[1] = runs; echo $experiment/; else; echo $experiment; end
          end
        else if test $argv[1] != experiments
          set -l runs $results/$name/runs/*/
          for run in (path basename $runs); echo $name/$run; end
          test -S $results/.bitlab/socket
          and bitlab status -q --queued --results $results "$name/*" 2> /dev/null | string match -r '^\S+/\S+'
        end
      end

      complete -c bitlab -f
      \#(lines.joined(separator: "\n"))
      """#
  }

  private static func fish(_ option: Option, _ condition: String) -> String {
    let letter = option.letter.map { " -s \($0)" } ?? ""
    let value =
      switch option.completion {
      case _ where !option.takesValue: ""
      case .nothing: " -x"
      case .folders: " -x -a '(__fish_complete_directories)'"
      case .files: " -r -F"
      case .choices(let names): " -x -a \(quoted(names.joined(separator: " ")))"
      }
    return "complete -c bitlab\(condition) -l \(option.name)\(letter)\(value) -d \(quoted(option.summary))"
  }

  /// What is offered for the first operand, and for the others.
  private static func fishOperands(_ verb: Verb) -> (first: String, later: String) {
    func offered(_ words: String) -> String {
      if let list = words.firstMatch(of: #/^words (.*)/#) { return String(list.output.1) }
      if words.isEmpty { return "" }
      if words == "files" { return "(__fish_complete_path)" }
      return words == "configs" ? "(__bitlab_configs)" : "(__bitlab_names \(words))"
    }
    let (first, later) = operands(verb)
    return (offered(first), offered(later))
  }
}
