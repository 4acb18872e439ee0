#include "validator/cli/replay_command.h"

#include <algorithm>
#include <cstring>
#include <sstream>
#include <utility>

#include "nlohmann/json.hpp"
#include "validator/report/dot_report.h"
#include "validator/report/json_report.h"
#include "validator/report/text_report.h"
#include "validator/trace/replay.h"
#include "validator/trace/trace_reader.h"
#include "validator/validator.h"

namespace rqlockdep {
namespace {

using Format = ReplayOptions::Format;

constexpr std::string_view kFormatOption = "--format=";

// What became of one file.
struct FileResult {
  std::string output;
  std::optional<TraceError> error;
  bool has_findings = false;
};

std::string Text(const std::string& file, bool complete, Replay& replay) {
  TextWriter out;
  FindingCounts counts;
  for (const Finding& finding : replay.findings()) {
    WriteTextReport(finding, replay.names(), out);
    counts.Add(finding.id);
  }
  out << file << ": ";
  WriteCounts(counts, out);
  out << (complete ? "\n" : " before the error\n");
  return std::string(out.text());
}

std::string Json(const std::string& file, const std::optional<TraceError>& error, Replay* replay) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  json["file"] = file;
  json["findings"] = nlohmann::ordered_json::array();
  if (replay != nullptr) {
    for (const Finding& finding : replay->findings()) {
      json["findings"].push_back(JsonReport(finding, replay->names()));
    }
  }
  if (error.has_value()) {
    json["error"] = {{"line", error->position.line},
                     {"column", error->position.column},
                     {"message", error->message}};
  }
  return JsonLine(json) + "\n";
}

std::string Dot(const std::string& file, Replay& replay) {
  std::ostringstream out;
  WriteDotReport(replay.validator().graph(), replay.findings(), file, replay.names(), out);
  return std::move(out).str();
}

FileResult ReplayFile(const std::string& file, const std::string& shown_name, Format format,
                      int standard_input) {
  FileResult result;
  std::string text;
  if (const int error = ReadFile(file, standard_input, &text)) {
    result.error = TraceError{{1, 1}, "cannot read the file: " + std::string(std::strerror(error))};
    if (format == Format::kJson) result.output = Json(file, result.error, nullptr);
    return result;
  }
  const TraceReadResult read = ReadTrace(text);
  Replay replay(read.trace, shown_name);
  // What the replay stumbles over comes before what the reader did.
  result.error = replay.Run();
  if (!result.error.has_value()) result.error = read.error;
  result.has_findings = !replay.findings().empty();
  switch (format) {
    case Format::kText:
      result.output = Text(shown_name, !result.error.has_value(), replay);
      break;
    case Format::kJson:
      result.output = Json(file, result.error, &replay);
      break;
    case Format::kDot:
      result.output = Dot(shown_name, replay);
      break;
  }
  return result;
}

}  // namespace

std::optional<ReplayOptions> ParseReplayArguments(std::span<const std::string_view> arguments,
                                                  std::string* error) {
  ReplayOptions options;
  bool only_files = false;
  for (const std::string_view argument : arguments) {
    if (only_files || argument == "-" || !argument.starts_with("-")) {
      options.files.emplace_back(argument);
    } else if (argument == "--") {
      only_files = true;
    } else if (argument == "--help") {
      options.help = true;
    } else if (argument.starts_with(kFormatOption)) {
      const std::string_view format = argument.substr(kFormatOption.size());
      if (format == "text") {
        options.format = Format::kText;
      } else if (format == "json") {
        options.format = Format::kJson;
      } else if (format == "dot") {
        options.format = Format::kDot;
      } else {
        *error = "unknown format '" + std::string(format) + "'";
        return std::nullopt;
      }
    } else {
      *error = "unknown option '" + std::string(argument) + "'";
      return std::nullopt;
    }
  }
  if (options.files.empty() && !options.help) {
    *error = "no file given";
    return std::nullopt;
  }
  return options;
}

ExitCode RunReplay(const ReplayOptions& options, const CommandStreams& streams) {
  ExitCode code = kNoFinding;
  for (const std::string& file : options.files) {
    const std::string shown_name = file == "-" ? "<stdin>" : file;
    const FileResult result = ReplayFile(file, shown_name, options.format, streams.in);
    if (const int error = WriteAll(streams.out, result.output)) {
      WriteAll(streams.err, "rqlockdep: error: cannot write standard output: " +
                                std::string(std::strerror(error)) + "\n");
      return kFailure;  // nobody would see the rest
    }
    if (result.has_findings) code = std::max(code, kFindings);
    if (result.error.has_value()) {
      const TraceError& error = *result.error;
      WriteAll(streams.err, shown_name + ":" + std::to_string(error.position.line) + ":" +
                                std::to_string(error.position.column) +
                                ": error: " + error.message + "\n");
      code = kFailure;
    }
  }
  return code;
}

}  // namespace rqlockdep
