// Why: see KillAt.h. The calls are picked out by a filter in the kernel, so the program runs at full speed
// between them.

#include "KillAt.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const int watched[] = {
    SYS_write,    SYS_pwrite64, SYS_writev,   SYS_fsync,      SYS_fdatasync, SYS_ftruncate, SYS_fallocate,
    SYS_unlinkat, SYS_renameat, SYS_renameat2, SYS_copy_file_range, SYS_linkat,
#ifdef SYS_unlink
    SYS_unlink,   SYS_rename,   SYS_link,
#endif
};

enum { WATCHED = sizeof watched / sizeof watched[0] };

/// Makes the kernel stop this process at the watched calls.
static bool filter_calls(void)
{
  struct sock_filter code[WATCHED + 3];
  size_t length = 0;
  code[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  for (size_t i = 0; i < WATCHED; i++) {
    code[length++] =
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)watched[i], (unsigned char)(WATCHED - i), 0);
  }
  code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
  struct sock_fprog program = {.len = (unsigned short)length, .filter = code};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void run_child(const char *program, char *const arguments[], const char *folder)
{
  int null = open("/dev/null", O_RDWR);
  sigset_t nothing;
  sigemptyset(&nothing);
  sigprocmask(SIG_SETMASK, &nothing, NULL);
  signal(SIGPIPE, SIG_DFL);
  if (null < 0 || chdir(folder) != 0 || ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) {
    _exit(126);
  }
  for (int descriptor = 0; descriptor < 3; descriptor++) {
    dup2(null, descriptor);
  }
  // The tracer sets its options before the filter can stop anything.
  raise(SIGSTOP);
  if (!filter_calls()) {
    _exit(126);
  }
  execv(program, arguments);
  _exit(127);
}

/// Waits for any thread of the program; only this thread's tracees are its business.
static pid_t wait_for(pid_t process, int *status)
{
  pid_t found;
  while ((found = waitpid(process, status, __WALL | __WNOTHREAD)) < 0 && errno == EINTR) {
  }
  return found;
}

static struct kill_result trace(pid_t child, int64_t at)
{
  struct kill_result result = {.calls = 0, .status = -1, .signal = -1};
  int status = 0;
  if (wait_for(child, &status) != child || !WIFSTOPPED(status)) {
    return result;
  }
  long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
  ptrace(PTRACE_SETOPTIONS, child, 0, options);
  ptrace(PTRACE_CONT, child, 0, 0);
  for (;;) {
    pid_t thread = wait_for(-1, &status);
    if (thread < 0) {
      return result;
    }
    if (!WIFSTOPPED(status)) {
      if (thread != child) {
        continue;
      }
      result.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
      result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
      return result;
    }
    int event = status >> 16;
    int signal = event != 0 || WSTOPSIG(status) == SIGSTOP || WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
    if (event == PTRACE_EVENT_SECCOMP && result.calls++ == at) {
      kill(child, SIGKILL);
    }
    ptrace(PTRACE_CONT, thread, 0, signal);
  }
}

struct kill_result kill_at(const char *program, char *const arguments[], const char *folder, int64_t at)
{
  pid_t child = fork();
  if (child == 0) {
    run_child(program, arguments, folder);
  }
  return child < 0 ? (struct kill_result){.status = -1, .signal = -1} : trace(child, at);
}
