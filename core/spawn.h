// spawn(): starts a Task on its io_context. The only place where a coroutine is let go: what escapes it is logged, and
// the owner learns of its end by `done`, so that shutdown can wait for every child. Thread rule: call on the io thread
// or before it runs.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <string>
#include <utility>

#include "core/log.h"
#include "core/task.h"

namespace tollgate {

// Runs `task`; `done` is called on the io thread when it has ended, however it ended. `name` stands in the log.
template <class Done>
void spawn(Executor executor, Task<void> task, std::string name, Done done) {
  asio::co_spawn(
      executor, std::move(task), [name = std::move(name), done = std::move(done)](std::exception_ptr failure) mutable {
        if (failure) {
          try {
            std::rethrow_exception(failure);
          } catch (const std::exception& e) {
            log_error("a task ended with an exception", {{"task", name}, {"what", std::string_view(e.what())}});
          }
        }
        done();
      });
}

}  // namespace tollgate
