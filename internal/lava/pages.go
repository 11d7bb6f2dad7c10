package lava

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
)

const (
	pageSize = 100
	// A job of ours has some thousand results; a server that never comes to an end
	// has more than this.
	maxRows = 20_000
)

// listPage is one of a list.
type listPage[T any] struct {
	Next    *string `json:"next"`
	Results []T     `json:"results"`
}

func readPage[T any](b []byte) (p listPage[T], err error) {
	if err := json.Unmarshal(b, &p); err != nil {
		return listPage[T]{}, err
	}
	if p.Results == nil || len(p.Results) > pageSize {
		return listPage[T]{}, fmt.Errorf("this is no page of a list: %q", excerpt(b))
	}
	return p, nil
}

// list fetches a list, page by page, in order of its IDs. Where the next page is
// does not come from the server's link: that has the host that the server takes
// itself for, behind a proxy another one, and the token would go there. The link only
// says that there is more.
func list[T any](ctx context.Context, c *Client, path string, id func(T) int) ([]T, error) {
	var all []T
	for last := 0; ; {
		var page listPage[T]
		query := url.Values{"ordering": {"id"}, "limit": {strconv.Itoa(pageSize)}, "offset": {strconv.Itoa(len(all))}}
		r := request{path: path, query: query, limit: maxPage, check: func(b []byte) (err error) {
			page, err = readPage[T](b)
			return err
		}}
		if err := c.get(ctx, r); err != nil {
			return nil, err
		}
		for _, row := range page.Results {
			if id(row) <= last {
				return nil, c.named(r, fmt.Errorf("%w: in a list ordered by ID, %d follows %d", ErrReply, id(row), last))
			}
			last = id(row)
		}
		all = append(all, page.Results...)
		switch more := page.Next != nil && *page.Next != ""; {
		case !more:
			return all, nil
		case len(page.Results) == 0:
			return nil, c.named(r, fmt.Errorf("%w: there is said to be more, after an empty page", ErrReply))
		case len(all) > maxRows:
			return nil, c.named(r, fmt.Errorf("%w: more than %d rows", ErrReply, maxRows))
		}
	}
}
