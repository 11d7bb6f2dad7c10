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

// list fetches a list, page by page, in order of its IDs. Where the next page is
// does not come from the server's link: that has the host that the server takes
// itself for, behind a proxy another one, and the token would go there. The link only
// says that there is more.
func list[T any](ctx context.Context, c *Client, path string, id func(T) int) ([]T, error) {
	var all []T
	for last := 0; ; {
		var page struct {
			Next    *string `json:"next"`
			Results []T     `json:"results"`
		}
		query := url.Values{"ordering": {"id"}, "limit": {strconv.Itoa(pageSize)}, "offset": {strconv.Itoa(len(all))}}
		r := request{path: path, query: query, limit: maxPage, check: func(b []byte) error {
			page.Next, page.Results = nil, nil
			if err := json.Unmarshal(b, &page); err != nil {
				return err
			}
			if page.Results == nil || len(page.Results) > pageSize {
				return fmt.Errorf("this is no page of a list: %q", excerpt(b))
			}
			return nil
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
