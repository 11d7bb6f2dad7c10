package kernel

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// complete adds files of the archive to a tree that was unpacked without
// them. No kernel is made of these, so that nothing is compiled again; but a
// patch may touch them.
func (b *Builder) complete(ctx context.Context, src *source, names []string) error {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return needed(name) && !strings.HasPrefix(name, "Documentation/") || fileExists(filepath.Join(src.dir, name))
	})
	if len(names) == 0 || src.mutable {
		return nil // what a user's directory lacks it lacks
	}
	fail := func(err error) error {
		return fmt.Errorf("the unpacked source lacks %s, which a patch touches: %w", strings.Join(names, ", "), err)
	}
	cache, err := b.cache()
	if err != nil {
		return err
	}
	l, err := lock(ctx, cache.lockFile("source"), "the kernel source", b.progress())
	if err != nil {
		return err
	}
	defer l.Close()
	archive := b.Source
	if archive == "" && fileExists(installedSource) {
		archive = installedSource
	}
	if archive == "" {
		if archive, err = b.fetch(ctx, cache); err != nil {
			return fail(err)
		}
		defer os.RemoveAll(filepath.Dir(archive))
	}
	sum, err := FileSHA256(archive)
	if err != nil {
		return fail(err)
	}
	if !strings.HasSuffix(src.id, "-"+sum[:keyLen]) {
		return fail(fmt.Errorf("%w: %s is not the archive that %s is from; unotify-bench kernel clean, or name it with --source",
			ErrNoSource, archive, src.version))
	}
	b.progress().Step("complete " + src.version)
	missing := func(name string) bool { return slices.Contains(names, name) }
	if err := unpack(ctx, archive, src.dir, missing, b.progress()); err != nil {
		return fail(err)
	}
	return nil
}
