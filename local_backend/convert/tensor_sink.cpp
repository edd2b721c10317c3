#include "local_backend/convert/tensor_sink.h"

#include <thread>

#include "local_backend/gguf/model_file_error.h"

namespace tollgate::local {
namespace {

Error bad_weights(const std::string& tensor, const char* what) {
  return Error{ErrorKind::client_fault, 400, "bad_weights", "tensor " + quoted_text(tensor) + " has " + what};
}

}  // namespace

Result<void> write_tensors(const std::vector<TensorJob>& jobs, const ConvertOptions& options, GgufWriter& writer,
                           ConvertReport& report) {
  const int threads = options.threads > 0 ? options.threads : static_cast<int>(std::thread::hardware_concurrency());
  ConvertProgress progress;
  for (const TensorJob& job : jobs) progress.total += tensor_bytes(job.rows.type, job.rows.rows * job.rows.columns);
  if (auto begun = writer.begin(); !begun) return begun;
  for (const TensorJob& job : jobs) {
    progress.tensor = job.name;
    if (options.progress) options.progress(progress);
    const auto done = convert_rows(job.rows, job.target, threads,
                                   [&](std::span<const std::byte> bytes) { return writer.write(bytes); });
    if (done.problem == RowsProblem::sink) return done.error;
    if (done.problem == RowsProblem::not_finite) return bad_weights(job.name, "values that are not finite");
    if (done.problem == RowsProblem::too_large)
      return bad_weights(job.name, "values beyond 65504, too large for its type");
    const std::uint64_t weights = job.rows.rows * job.rows.columns;
    progress.done += tensor_bytes(job.rows.type, weights);
    report.weights += weights;
    report.bytes_out += tensor_bytes(job.target, weights);
    ++report.tensors;
  }
  report.bytes_in = progress.total;
  progress.tensor = {};
  if (options.progress) options.progress(progress);
  return writer.finish();
}

}  // namespace tollgate::local
