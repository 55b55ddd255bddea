/* Preloaded into PostgreSQL, makes each fsync and fdatasync FEALTY_SLOW_SYNC_US microseconds longer (1000
 * unless set), as on a disk that really writes: the disks of build machines sync in some 26 us, which
 * flatters one transaction a call.
 *
 * sync_file_range stays as it is: PostgreSQL uses it to hint at writing back, not to wait for the disk.
 * Syncs by open flags (wal_sync_method = open_datasync) are not seen here; the default on Linux, fdatasync, is.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

typedef int (*sync_call)(int);

static struct timespec longer = {0, 1000 * 1000};

__attribute__((constructor)) static void read_length(void)
{
    const char *text = getenv("FEALTY_SLOW_SYNC_US");
    if (text != NULL && *text != '\0') {
        long us = strtol(text, NULL, 10);
        if (us < 0)
            us = 0;
        longer.tv_sec = us / 1000000;
        longer.tv_nsec = us % 1000000 * 1000;
    }
}

static int slowed(const char *name, int fd)
{
    sync_call real = (sync_call)dlsym(RTLD_NEXT, name);
    int result, error;

    if (real == NULL) {
        errno = ENOSYS;
        return -1;
    }
    result = real(fd);
    error = errno;
    struct timespec left = longer;
    /* PostgreSQL's processes signal each other all the time; a cut sleep would be a fast disk. */
    while (nanosleep(&left, &left) == -1 && errno == EINTR)
        ;
    errno = error;
    return result;
}

int fsync(int fd) { return slowed("fsync", fd); }

int fdatasync(int fd) { return slowed("fdatasync", fd); }
