// Package figure draws plots, for a page or a file of its own. It knows
// nothing of what they show.
//
//   - [Rows] has a row for each thing and marks on it where its values are: a
//     dot plot (rows.go). One axis of values lies below.
//   - [Lines] follows values over the steps of something (lines.go); each line's
//     name stands at its end.
//   - An [Axis] is linear from nothing, or logarithmic (axis.go).
//   - [SVG] and [PNG] turn either into a picture. What a colour is stands in one
//     table (style.go), for light and for dark surroundings.
//
// Colour says what kind of thing it is, a [Tone], and shape tells things of a
// kind apart, so that nothing is lost on who sees no colours, or on paper.
package figure
