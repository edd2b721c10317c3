// Streams, events and graphs of runtime.h on the CUDA runtime. Sources: CUDA Runtime API 13.0, "Stream Management",
// "Event Management", "Graph Management"; CUDA C++ Programming Guide 13.0, "Programmatic Dependent Launch", on its use
// in graphs. Thread rule: runtime.h's.
#include "local_backend/cuda/runtime_cuda.h"

namespace tollgate::local::gpu {

Event::Impl::~Impl() {
  if (event != nullptr) static_cast<void>(cudaEventDestroy(event));
}

Graph::Impl::~Impl() {
  // If it is still running, the driver frees it afterwards.
  if (executable != nullptr) static_cast<void>(cudaGraphExecDestroy(executable));
}

Stream::Impl::~Impl() {
  if (stream != nullptr) static_cast<void>(cudaStreamDestroy(stream));
}

void Stream::Impl::note(int code) {
  if (code == cudaSuccess) return;
  int& first = capturing ? capture_error : error;
  if (first == cudaSuccess) first = code;
  // The runtime keeps the error for the next one who asks; it is kept here now.
  static_cast<void>(cudaGetLastError());
}

Result<void> Stream::Impl::outcome() const {
  if (error != cudaSuccess) return device_lost(device, error);
  return {};
}

Stream::Stream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Stream::~Stream() = default;

void Stream::copy_in(void* device, const void* host, std::size_t bytes) {
  note(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, static_cast<cudaStream_t>(handle())));
}
void Stream::copy_out(void* host, const void* device, std::size_t bytes) {
  note(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, static_cast<cudaStream_t>(handle())));
}
void Stream::copy_within(void* to, const void* from, std::size_t bytes) {
  note(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, static_cast<cudaStream_t>(handle())));
}
void Stream::fill(void* device, std::uint8_t value, std::size_t bytes) {
  note(cudaMemsetAsync(device, value, bytes, static_cast<cudaStream_t>(handle())));
}

Event Stream::record() {
  auto event = std::make_shared<Event::Impl>();
  auto* stream = static_cast<cudaStream_t>(handle());
  note(cudaEventCreateWithFlags(&event->event, cudaEventDefault));
  note(cudaEventRecord(event->event, stream));
  return Event(std::move(event));
}

void Stream::wait_for(const Event& event) {
  note(cudaStreamWaitEvent(static_cast<cudaStream_t>(handle()), event.get()->event, cudaEventWaitDefault));
}

Result<void> Stream::wait() {
  note(cudaStreamSynchronize(static_cast<cudaStream_t>(handle())));
  return impl_->outcome();
}

Result<void> Stream::wait(const Event& event) {
  note(make_current(impl_->ordinal));
  note(cudaEventSynchronize(event.get()->event));
  return impl_->outcome();
}

float Stream::milliseconds(const Event& from, const Event& to) {
  float passed = 0;
  note(make_current(impl_->ordinal));
  note(cudaEventElapsedTime(&passed, from.get()->event, to.get()->event));
  return passed;
}

void Stream::begin_capture() {
  auto* stream = static_cast<cudaStream_t>(handle());
  impl_->capture_error = cudaSuccess;
  impl_->capturing = true;
  // Other threads go on with what they do; this one must not allocate or free until end_capture().
  note(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
}

Result<Graph> Stream::end_capture() {
  cudaGraph_t recorded = nullptr;
  auto graph = std::make_shared<Graph::Impl>();
  auto* stream = static_cast<cudaStream_t>(handle());
  note(cudaStreamEndCapture(stream, &recorded));
  if (impl_->capture_error == cudaSuccess) note(cudaGraphInstantiateWithFlags(&graph->executable, recorded, 0));
  if (impl_->capture_error == cudaSuccess) note(cudaGraphUpload(graph->executable, stream));
  if (recorded != nullptr) static_cast<void>(cudaGraphDestroy(recorded));
  impl_->capturing = false;
  if (impl_->capture_error == cudaSuccess) return Graph(std::move(graph));

  const std::string what = impl_->device + " could not record a step: " + error_in_words(impl_->capture_error);
  if (!impl_->overlaps)
    return Error{ErrorKind::fatal, 500, "capture_failed", what + "; steps must be launched kernel by kernel"};
  // Drivers before CUDA 12.4 cannot have kernels that overlap in a graph.
  impl_->overlaps = false;
  return Error{ErrorKind::retry_same, 500, "capture_failed",
               what + "; its kernels will no longer overlap: record again, and update the driver to have both"};
}

void Stream::launch(const Graph& graph) {
  auto* stream = static_cast<cudaStream_t>(handle());
  note(cudaGraphLaunch(graph.get()->executable, stream));
}

// Every kernel's launch asks for it, so here the stream's device becomes the thread's.
void* Stream::handle() const {
  impl_->note(make_current(impl_->ordinal));
  return impl_->stream;
}

bool Stream::overlaps_kernels() const { return impl_->overlaps; }
void Stream::note(int error) { impl_->note(error); }

}  // namespace tollgate::local::gpu
