package main

import (
	"slices"

	"unotify-bench/abi/suite"
	"unotify-bench/internal/figure"
	"unotify-bench/internal/report"
)

// svg draws the races, as the page of `report` shows them.
func (r *raceReport) svg() error {
	races := make([]report.Race, len(r.rows))
	for i, row := range r.rows {
		if row.Tries > 0 && (!slices.Contains(suite.RaceMechs(), row.Mech) || !slices.Contains(suite.RaceAttacks(), row.Attack)) {
			return usageError("row %d cannot be drawn: %q, %q", i+1, clean(row.Mech), clean(row.Attack))
		}
		races[i] = report.Race(row)
		if err := races[i].Check(); err != nil {
			return usageError("row %d cannot be drawn: %w", i+1, err)
		}
	}
	picture, err := report.RacePicture(races)
	if err != nil {
		return failure("%w", err)
	}
	_, err = r.w.Write(figure.SVG(picture))
	return err
}
