// Streams, events and graphs of the recording driver.
#include <chrono>

#include "cuda/driver/entry.h"

using namespace he::driver;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

template <class T>
T* made(std::set<T*>& all) {
  T* t = new T;
  all.insert(t);
  return t;
}

template <class T>
Result destroy(std::set<T*>& all, T* t) {
  if (!all.erase(t)) return device().refuse(kInvalidHandle, "destroys what is not there");
  delete t;
  return kSuccess;
}

Result may_wait(const Stream* s) { return s->capturing ? device().refuse(kCaptureUnsupported, "waits for a stream that is capturing") : kSuccess; }

}  // namespace

HE_API(cuStreamCreate, Stream** stream, unsigned) {
  HE_ENTER_CONTEXT();
  *stream = made(d.streams);
  return kSuccess;
}

HE_API(cuStreamDestroy_v2, Stream* stream) {
  HE_ENTER_CONTEXT();
  if (!d.streams.count(stream)) return d.refuse(kInvalidHandle, "no such stream");
  const Result result = d.drain(stream);
  for (Event* e : d.events)
    if (e->stream == stream) e->stream = nullptr;
  destroy(d.streams, stream);
  return result;
}

HE_API(cuStreamSynchronize, Stream* stream) {
  HE_ENTER_CONTEXT();
  if (!d.streams.count(stream)) return d.refuse(kInvalidHandle, "no such stream");
  ++d.waits;
  if (const Result r = may_wait(stream)) return r;
  return d.drain(stream);
}

HE_API(cuStreamBeginCapture_v2, Stream* stream, int) {
  HE_ENTER_CONTEXT();
  if (!d.streams.count(stream)) return d.refuse(kInvalidHandle, "no such stream");
  if (stream->capturing) return d.refuse(kInvalidValue, "the stream is capturing already");
  stream->capturing = made(d.graphs);
  return kSuccess;
}

HE_API(cuStreamEndCapture, Stream* stream, Graph** graph) {
  HE_ENTER_CONTEXT();
  if (!d.streams.count(stream) || !stream->capturing) return d.refuse(kInvalidValue, "the stream is not capturing");
  *graph = stream->capturing;
  stream->capturing = nullptr;
  return kSuccess;
}

HE_API(cuGraphInstantiateWithFlags, Graph** executable, Graph* graph, unsigned long long) {
  HE_ENTER_CONTEXT();
  if (!d.graphs.count(graph)) return d.refuse(kInvalidHandle, "no such graph");
  *executable = made(d.executables);
  **executable = *graph;
  return kSuccess;
}

HE_API(cuGraphLaunch, Graph* executable, Stream* stream) {
  HE_ENTER_CONTEXT();
  if (!d.executables.count(executable)) return d.refuse(kInvalidHandle, "no such executable graph");
  ++d.launches;
  for (const Work& w : executable->work)
    if (const Result r = d.enqueue(stream, w)) return r;
  return kSuccess;
}

HE_API(cuGraphDestroy, Graph* graph) {
  HE_ENTER_CONTEXT();
  return destroy(d.graphs, graph);
}

HE_API(cuGraphExecDestroy, Graph* executable) {
  HE_ENTER_CONTEXT();
  return destroy(d.executables, executable);
}

HE_API(cuEventCreate, Event** event, unsigned) {
  HE_ENTER_CONTEXT();
  *event = made(d.events);
  return kSuccess;
}

HE_API(cuEventDestroy_v2, Event* event) {
  HE_ENTER_CONTEXT();
  if (d.events.count(event) && event->stream) d.drain(event->stream, event->ticket);  // work that stamps it may be queued
  return destroy(d.events, event);
}

HE_API(cuEventRecord, Event* event, Stream* stream) {
  HE_ENTER_CONTEXT();
  if (!d.events.count(event)) return d.refuse(kInvalidHandle, "no such event");
  if (const Result r = d.enqueue(stream, [=] { event->seconds = now(); })) return r;
  if (stream->capturing) return d.refuse(kCaptureUnsupported, "records an event in a stream that is capturing");
  event->stream = stream;
  event->ticket = stream->queued();
  return kSuccess;
}

// A host that polls has to see progress: one piece of work each time.
HE_API(cuEventQuery, Event* event) {
  HE_ENTER_CONTEXT();
  if (!d.events.count(event)) return d.refuse(kInvalidHandle, "no such event");
  if (!event->stream || event->stream->done >= event->ticket) return kSuccess;
  if (const Result r = d.drain(event->stream, event->stream->done + 1)) return r;
  return kNotReady;
}

HE_API(cuEventSynchronize, Event* event) {
  HE_ENTER_CONTEXT();
  if (!d.events.count(event)) return d.refuse(kInvalidHandle, "no such event");
  if (!event->stream || event->stream->done >= event->ticket) return kSuccess;
  ++d.waits;
  if (const Result r = may_wait(event->stream)) return r;
  return d.drain(event->stream, event->ticket);
}

HE_API(cuEventElapsedTime, float* milliseconds, Event* from, Event* to) {
  HE_ENTER_CONTEXT();
  if (!d.events.count(from) || !d.events.count(to)) return d.refuse(kInvalidHandle, "no such event");
  *milliseconds = static_cast<float>((to->seconds - from->seconds) * 1e3);
  return kSuccess;
}

HE_API(cuStreamWaitEvent, Stream* stream, Event* event, unsigned) {
  HE_ENTER_CONTEXT();
  if (!d.events.count(event)) return d.refuse(kInvalidHandle, "no such event");
  Stream* other = event->stream;
  const uint64_t ticket = event->ticket;
  return d.enqueue(stream, [=] {
    if (other && device().streams.count(other)) device().drain(other, ticket);
  });
}
