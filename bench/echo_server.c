/* The server of examples/echo_server, in C with raw sigaction: one process for each connection, all
 * signals through a self-pipe next to the listening socket, one critical region around fork, the
 * same log. bench compares it with the example.
 * usage: echo_server_c
 * It prints its port on standard error, as the example does; SIGTERM ends it. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_CHILDREN = 256 };

static int signal_pipe[2];
static volatile sig_atomic_t got_chld, got_term, got_hup;
static struct { pid_t pid; struct sockaddr_in peer; } children[MAX_CHILDREN];
static int count;
static long connections, reaped;

static void on_signal(int number) {
  int saved = errno;
  if (number == SIGCHLD) got_chld = 1;
  else if (number == SIGHUP) got_hup = 1;
  else got_term = 1;
  write(signal_pipe[1], "", 1);
  errno = saved;
}

static void set(int number, void (*handler)(int), int flags) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART | flags};
  sigemptyset(&action.sa_mask);
  if (sigaction(number, &action, NULL)) exit(1);
}

static void say(const char *line, int length) { write(2, line, length); }

static const char *name(const struct sockaddr_in *peer, char *text) {
  char address[INET_ADDRSTRLEN];
  inet_ntop(AF_INET, &peer->sin_addr, address, sizeof address);
  sprintf(text, "%s:%d", address, ntohs(peer->sin_port));
  return text;
}

static void reap(void) {
  struct rusage usage;
  int status;
  pid_t pid;
  char line[256], peer[32];
  while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
    int i = 0;
    while (i < count && children[i].pid != pid) i++;
    if (i == count) continue;
    name(&children[i].peer, peer);
    children[i] = children[--count];
    reaped++;
    double cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
                 (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    int length = WIFEXITED(status)
      ? sprintf(line, "child %d for %s exited with code %d", pid, peer, WEXITSTATUS(status))
      : sprintf(line, "child %d for %s killed by %d", pid, peer, WTERMSIG(status));
    length += sprintf(line + length, ": %.3f s CPU, %ld KiB at most\n", cpu, usage.ru_maxrss);
    say(line, length);
  }
}

static int echo(int client) {
  char buffer[4096];
  ssize_t length;
  for (;;) {
    while ((length = read(client, buffer, sizeof buffer)) < 0 && errno == EINTR) {}
    if (length <= 0) return length < 0;
    for (ssize_t done = 0; done < length;) {
      ssize_t n = write(client, buffer + done, length - done);
      if (n < 0 && errno != EINTR) return 1;
      if (n > 0) done += n;
    }
  }
}

static void serve(int listener, int client, const struct sockaddr_in *peer) {
  sigset_t all, old;
  char line[256], text[32];
  sigfillset(&all);
  sigdelset(&all, SIGSEGV);
  sigdelset(&all, SIGBUS);
  sigdelset(&all, SIGFPE);
  sigdelset(&all, SIGILL);
  sigprocmask(SIG_BLOCK, &all, &old);
  pid_t pid = fork();
  if (pid == 0) {
    close(signal_pipe[0]); close(signal_pipe[1]); close(listener);
    set(SIGINT, SIG_IGN, 0);
    set(SIGHUP, SIG_IGN, 0);
    set(SIGTERM, SIG_DFL, 0);
    set(SIGCHLD, SIG_DFL, 0);
    sigprocmask(SIG_SETMASK, &old, NULL);
    _exit(echo(client));
  }
  if (pid > 0) {
    connections++;
    children[count].pid = pid;
    children[count++].peer = *peer;
    say(line, sprintf(line, "child %d serves %s\n", pid, name(peer, text)));
  }
  close(client);
  sigprocmask(SIG_SETMASK, &old, NULL);
}

int main(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  char line[256];
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 128)) return 1;
  if (pipe2(signal_pipe, O_NONBLOCK | O_CLOEXEC)) return 1;
  getsockname(listener, (struct sockaddr *)&address, &size);
  signal(SIGPIPE, SIG_IGN);
  set(SIGCHLD, on_signal, SA_NOCLDSTOP);
  set(SIGTERM, on_signal, 0);
  set(SIGINT, on_signal, 0);
  set(SIGHUP, on_signal, 0);
  int port = ntohs(address.sin_port);
  say(line, sprintf(line, "listening on 127.0.0.1:%d, pid %d\n", port, getpid()));
  while (!got_term || count) {
    int open = !got_term && count < MAX_CHILDREN;
    struct pollfd fds[2] = {{signal_pipe[0], POLLIN, 0}, {open ? listener : -1, POLLIN, 0}};
    if (poll(fds, 2, -1) < 0) continue;
    if (fds[0].revents) {
      char bytes[1024];
      while (read(signal_pipe[0], bytes, sizeof bytes) > 0) {}
      if (got_chld) { got_chld = 0; reap(); }
      if (got_hup) {
        got_hup = 0;
        say(line, sprintf(line, "%d children now; %ld connections, %ld reaped\n",
                          count, connections, reaped));
      }
    }
    if (fds[1].revents) {
      struct sockaddr_in peer;
      socklen_t length = sizeof peer;
      int client = accept4(listener, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC);
      if (client >= 0) serve(listener, client, &peer);
    }
  }
  return 0;
}
