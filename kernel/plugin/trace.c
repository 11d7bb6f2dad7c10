/*
 * A plugin of QEMU's emulator (TCG) that writes down which instructions a
 * machine executes, once it has come to one that it was told: kernel/trace.go.
 * QEMU's own header is not used, as Debian has no package of it; what follows
 * was declared so in 7.2 to 10.0 (include/qemu/qemu-plugin.h).
 *
 * Nothing here changes what the guest sees. The virtual clock counts guest
 * instructions, and calls of a plugin are none.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t id_t_;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { NO_REGS = 0 };   /* QEMU_PLUGIN_CB_NO_REGS */
/* QEMU_PLUGIN_MEM_RW. Asked for loads only, 7.2 calls back for others. */
enum { MEM_RW = 3 };

typedef void (*trans_cb)(id_t_, struct qemu_plugin_tb *);
typedef void (*exec_cb)(unsigned int vcpu, void *data);
typedef void (*mem_cb)(unsigned int vcpu, uint32_t info, uint64_t vaddr, void *data);
typedef void (*exit_cb)(id_t_, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(id_t_, trans_cb);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, exec_cb, int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, mem_cb, int flags, int rw, void *data);
void qemu_plugin_register_atexit_cb(id_t_, exit_cb, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
_Bool qemu_plugin_mem_is_store(uint32_t info);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);

/* 9.0 and later refuse 1, before 9.0 there is no 2. */
EXPORT int qemu_plugin_version = PLUGIN_VERSION;

/* One record: N instructions that lie in a row, or one of the others below. */
struct record {
	uint64_t addr;
	uint32_t size; /* bytes; 0 is a load from addr in the switch function */
	/*
	 * Instructions, times 16, and the bytes of the last one, which may have
	 * faulted. 0 with size 1 is a gap, with 2 the end.
	 */
	uint32_t n;
};

struct insn {
	uint64_t addr;
	uint32_t size;
	uint32_t cut;
};

static FILE *out;
static struct record cur;
static const struct insn *last; /* that was executed */
static uint64_t mark, switch_lo, switch_hi;
static uint64_t quiet;           /* instructions since the mark was passed */
static uint64_t left = 1ull << 28; /* records that may still be written: 4 GiB */
static int on;
static uint64_t *cuts;           /* where a record must begin, sorted */
static size_t ncuts;

/* Recording pauses so many instructions after the mark was last passed. */
#define QUIET (8u << 20)

static void put(uint64_t addr, uint32_t size, uint32_t n)
{
	struct record r = { addr, size, n };

	if (!left)
		return;
	left--;
	if (fwrite(&r, sizeof(r), 1, out) != 1)
		left = 0;
}

static void flush(void)
{
	if (cur.n)
		put(cur.addr, cur.size, cur.n << 4 | last->size);
	cur.n = 0;
}

static void executed(unsigned int vcpu, void *data)
{
	const struct insn *i = data;

	if (i->addr == mark) {
		on = 1;
		quiet = 0;
	} else if (!on) {
		return;
	} else if (++quiet > QUIET) {
		flush();
		put(0, 1, 0);
		on = 0;
		return;
	}
	if (cur.n && cur.n < 1 << 20 && !i->cut && i->addr == cur.addr + cur.size) {
		cur.size += i->size;
		cur.n++;
		last = i;
		return;
	}
	flush();
	last = i;
	cur.addr = i->addr;
	cur.size = i->size;
	cur.n = 1;
}

static void loaded(unsigned int vcpu, uint32_t info, uint64_t vaddr, void *data)
{
	/* 7.2 also tells of what a later instruction's helper loads (XSAVE). */
	if (!on || last != data || qemu_plugin_mem_is_store(info))
		return;
	flush();
	put(vaddr, 0, 0);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void translated(id_t_ id, struct qemu_plugin_tb *tb)
{
	size_t k, n = qemu_plugin_tb_n_insns(tb);
	/* Code that was translated may run until the end: none of this is freed. */
	struct insn *insns = calloc(n, sizeof(*insns));

	if (!insns)
		abort();
	for (k = 0; k < n; k++) {
		struct qemu_plugin_insn *q = qemu_plugin_tb_get_insn(tb, k);
		struct insn *i = &insns[k];

		i->addr = qemu_plugin_insn_vaddr(q);
		i->size = qemu_plugin_insn_size(q);
		i->cut = bsearch(&i->addr, cuts, ncuts, sizeof(*cuts), compare) != NULL;
		qemu_plugin_register_vcpu_insn_exec_cb(q, executed, NO_REGS, i);
		if (i->addr >= switch_lo && i->addr < switch_hi)
			qemu_plugin_register_vcpu_mem_cb(q, loaded, NO_REGS, MEM_RW, i);
	}
}

static void ended(id_t_ id, void *data)
{
	flush();
	if (left)
		put(0, 2, 0);
	fclose(out);
}

static int read_cuts(const char *path)
{
	FILE *f = fopen(path, "r");
	long size;

	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET))
		return -1;
	ncuts = size / sizeof(*cuts);
	cuts = malloc(size + 1);
	if (!cuts || fread(cuts, sizeof(*cuts), ncuts, f) != ncuts)
		return -1;
	fclose(f);
	return 0;
}

EXPORT int qemu_plugin_install(id_t_ id, const void *info, int argc, char **argv)
{
	const char *cut_file = NULL;

	for (int i = 0; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (!value)
			return -1;
		*value++ = 0;
		if (!strcmp(argv[i], "out"))
			out = fopen(value, "w");
		else if (!strcmp(argv[i], "cuts"))
			cut_file = value;
		else if (!strcmp(argv[i], "mark"))
			mark = strtoull(value, NULL, 0);
		else if (!strcmp(argv[i], "from"))
			switch_lo = strtoull(value, NULL, 0);
		else if (!strcmp(argv[i], "to"))
			switch_hi = strtoull(value, NULL, 0);
		else
			return -1;
	}
	if (!out || !cut_file || read_cuts(cut_file)) {
		fprintf(stderr, "trace plugin: cannot open its files\n");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
