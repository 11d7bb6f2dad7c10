/* Sets the clock of the program that it is loaded into to another time, each time
 * that it is read. The monotonic clock stays. What has been loaded writes its name
 * down, so that it can be seen. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t jump(void)
{
	static unsigned long state = 1;

	state = state * 6364136223846793005UL + 1442695040888963407UL;
	return state >> 33; /* 1970 to 2038 */
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	long err = syscall(SYS_clock_gettime, id, ts);

	if (!err && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ts->tv_sec = jump();
	return err;
}

int gettimeofday(struct timeval *tv, void *tz)
{
	(void)tz;
	tv->tv_sec = jump();
	tv->tv_usec = 0;
	return 0;
}

time_t time(time_t *t)
{
	time_t now = jump();

	if (t)
		*t = now;
	return now;
}

__attribute__((constructor)) static void loaded(void)
{
	FILE *f = fopen(getenv("CLOCK_LOADED"), "a");

	if (f) {
		fprintf(f, "%s\n", program_invocation_short_name);
		fclose(f);
	}
}
