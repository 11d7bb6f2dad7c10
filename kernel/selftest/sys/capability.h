/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of libcap as the kernel's seccomp selftests use, on the raw system
 * calls: Debian 12 has libcap for the host's architecture alone. The names and
 * what they do are those of libcap's <sys/capability.h>, see cap_get_proc(3).
 */
#ifndef UNOTIFY_CAPABILITY_H
#define UNOTIFY_CAPABILITY_H

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct __user_cap_data_struct *cap_t; /* two of them, for 64 bits */
typedef int cap_value_t;
typedef enum { CAP_EFFECTIVE, CAP_PERMITTED, CAP_INHERITABLE } cap_flag_t;
typedef enum { CAP_CLEAR, CAP_SET } cap_flag_value_t;

static inline struct __user_cap_header_struct *cap_self(void)
{
	/* The kernel writes to it when it does not know the version. */
	static __thread struct __user_cap_header_struct self;

	self.version = _LINUX_CAPABILITY_VERSION_3;
	self.pid = 0;
	return &self;
}

static inline cap_t cap_get_proc(void)
{
	cap_t caps = calloc(_LINUX_CAPABILITY_U32S_3, sizeof(*caps));

	if (caps && syscall(SYS_capget, cap_self(), caps)) {
		free(caps);
		return NULL;
	}
	return caps;
}

static inline int cap_set_proc(cap_t caps)
{
	return syscall(SYS_capset, cap_self(), caps);
}

static inline __u32 *cap_word(cap_t caps, cap_flag_t flag, cap_value_t cap)
{
	if (!caps || cap < 0 || cap > CAP_LAST_CAP) {
		errno = EINVAL;
		return NULL;
	}
	caps += CAP_TO_INDEX(cap);
	switch (flag) {
	case CAP_EFFECTIVE:
		return &caps->effective;
	case CAP_PERMITTED:
		return &caps->permitted;
	case CAP_INHERITABLE:
		return &caps->inheritable;
	}
	errno = EINVAL;
	return NULL;
}

static inline int cap_get_flag(cap_t caps, cap_value_t cap, cap_flag_t flag,
			       cap_flag_value_t *value)
{
	__u32 *word = cap_word(caps, flag, cap);

	if (!word)
		return -1;
	*value = *word & CAP_TO_MASK(cap) ? CAP_SET : CAP_CLEAR;
	return 0;
}

static inline int cap_set_flag(cap_t caps, cap_flag_t flag, int n,
			       const cap_value_t *cap, cap_flag_value_t value)
{
	for (int i = 0; i < n; i++) {
		__u32 *word = cap_word(caps, flag, cap[i]);

		if (!word)
			return -1;
		if (value == CAP_SET)
			*word |= CAP_TO_MASK(cap[i]);
		else
			*word &= ~CAP_TO_MASK(cap[i]);
	}
	return 0;
}

static inline int cap_free(void *caps)
{
	free(caps);
	return 0;
}

#endif
