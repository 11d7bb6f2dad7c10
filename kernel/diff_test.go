package kernel

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// threePatch is a patch as git format-patch writes it: one hunk of it holds
// lines that look like a patch's own.
const threePatch = `From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001
From: A Person <person@example.org>
Date: Wed, 1 Jan 2020 00:00:00 +0000
Subject: [PATCH 1/2] kernel: teach three

It counts better.

Unotify-mechanism: inject
Signed-off-by: A Person <person@example.org>
---
 kernel/three.c | 4 +++-
 1 file changed, 3 insertions(+), 1 deletion(-)

diff --git a/kernel/three.c b/kernel/three.c
index 1..2 100644
--- a/kernel/three.c
+++ b/kernel/three.c
@@ -2,3 +2,4 @@ one
 two
--- three
+++ three
+3.5
 four
diff --git a/kernel/extra.h b/kernel/extra.h
new file mode 100644
--- /dev/null
+++ b/kernel/extra.h
@@ -0,0 +1 @@
+int extra;
diff --git a/kernel/gone.c b/kernel/gone.c
deleted file mode 100644
--- a/kernel/gone.c
+++ /dev/null
@@ -1,2 +0,0 @@
-a
-b
\ No newline at end of file
-- 
2.39.5
`

func TestParsePatch(t *testing.T) {
	got, err := parsePatch(patch{name: "p", text: threePatch})
	if err != nil {
		t.Fatal(err)
	}
	want := []fileDiff{
		{old: "kernel/three.c", new: "kernel/three.c", added: 2, removed: 1, hunks: []int{2}},
		{new: "kernel/extra.h", added: 1, hunks: []int{0}},
		{old: "kernel/gone.c", removed: 2, hunks: []int{1}},
	}
	if diff := cmp.Diff(want, got.files, cmp.AllowUnexported(fileDiff{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if m := got.trailer("Unotify-mechanism"); m != "inject" {
		t.Errorf("trailer is %q", m)
	}
	if m := got.trailer("Fixes"); m != "" {
		t.Errorf("a trailer that is not there is %q", m)
	}
	if diff := cmp.Diff([]string{"kernel/three.c", "kernel/extra.h", "kernel/gone.c"}, got.touched()); diff != "" {
		t.Errorf("touched (-want +got):\n%s", diff)
	}
}

func TestParsePatchRefuses(t *testing.T) {
	const head = "diff --git a/x b/x\n--- a/x\n+++ b/x\n"
	rows := []struct{ name, text, say string }{
		{"no patch", "hello\n", `no "diff --git"`},
		{"cut short", head + "@@ -1,3 +1,3 @@\n a\n", "cut short"},
		{"garbage in a hunk", head + "@@ -1,3 +1,3 @@\n a\nb\n", `line 6: "b" is no line of a hunk`},
		{"outside", "diff --git a/../x b/../x\n", "line 1: "},
		{"binary", "diff --git a/x b/x\nGIT binary patch\n", "binary"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := parsePatch(patch{name: "p/x.patch", text: row.text})
			if err == nil || !strings.Contains(err.Error(), row.say) || !strings.Contains(err.Error(), "p/x.patch") {
				t.Errorf("error %v, want %q", err, row.say)
			}
		})
	}
}
