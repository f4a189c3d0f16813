/* Process 1 of a machine that run-kernels boots: runs every program in /programs, reports how each
   ended, powers off. A line of /programs is `test NAME` or `example NAME`; /environment holds one
   NAME=VALUE a line. */
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static char *environment[32];

static void run(const char *kind, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "/bin/%s-%s", kind, name);
    pid_t child = fork();
    if (child == 0) {
        /* A session of its own, and no terminal: as under any other CI. */
        setsid();
        /* Of the examples, whether they start: what they do, tests know. */
        char *arguments[] = {path, strcmp(kind, "example") ? NULL : "--help", NULL};
        execve(path, arguments, environment);
        _exit(127);
    }
    /* Orphans end here too: waits for any child until it is this one. Half an hour is a hang. */
    int status = 0, ticks = 0;
    for (;;) {
        pid_t ended = waitpid(-1, &status, WNOHANG);
        if (ended == child) break;
        if (ended <= 0) {
            usleep(10000);
            if (++ticks == 180000) kill(-child, SIGKILL);
        }
    }
    kill(-child, SIGKILL);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    printf("== %s %s ended %d\n", kind, name, code);
    fflush(stdout);
}

int main(void)
{
    mkdir("/proc", 0755), mount("proc", "/proc", "proc", 0, 0);
    mkdir("/sys", 0755), mount("sys", "/sys", "sysfs", 0, 0);
    mkdir("/dev", 0755), mount("dev", "/dev", "devtmpfs", 0, 0);
    mkdir("/dev/pts", 0755), mount("pts", "/dev/pts", "devpts", 0, 0);
    mkdir("/tmp", 01777);
    int console = open("/dev/console", O_RDWR);
    dup2(console, 1), dup2(console, 2);
    dup2(open("/dev/null", O_RDWR), 0);
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFFLAGS, &loopback);
    struct utsname system;
    uname(&system);
    printf("== kernel %s %s\n", system.release, system.machine);

    static char lines[32][8192];
    FILE *file = fopen("/environment", "r");
    for (int i = 0; i < 31 && fgets(lines[i], sizeof lines[i], file); i++) {
        lines[i][strcspn(lines[i], "\n")] = 0;
        environment[i] = lines[i];
    }
    char kind[16], name[128];
    file = fopen("/programs", "r");
    while (fscanf(file, "%15s %127s", kind, name) == 2) run(kind, name);
    puts("== done");
    fflush(stdout);
    sync();
    reboot(RB_POWER_OFF);
    for (;;) pause();
}
