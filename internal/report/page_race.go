package report

import (
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"

	"unotify-bench/internal/figure"
)

// RacePicture draws races: at the rate of those that were lost, and hollow at
// the bound of those that never were.
func RacePicture(races []Race) (figure.Picture, error) {
	p := &figure.Rows{
		Head: figure.Head{Name: "race", Title: "Acted on what nobody had approved, per try",
			Note: "hollow: not once, so below this with 95 % confidence"},
		Axis: figure.Axis{Label: "of all tries (log)", Log: true},
	}
	places := racePlaces(races)
	p.Key = placeKeys(places)
	at := map[[2]string]int{}
	last := ""
	for _, r := range sortedRaces(races) {
		place := slices.Index(places, clean(r.Where))
		if r.Tries == 0 || place < 0 {
			continue
		}
		row, ok := at[[2]string{r.Mech, r.Attack}]
		if !ok {
			row = len(p.Rows)
			at[[2]string{r.Mech, r.Attack}] = row
			p.Rows = append(p.Rows, figure.Row{
				Label: cut(clean(r.Mech)+", "+clean(r.Attack), 32), Title: clean(r.Mech) + ", attacked by " + clean(r.Attack) + ":",
				Tone: SafetyOf(r.Mech).tone(), Gap: last != "" && last != r.Mech,
			})
			last = r.Mech
		}
		fr := &p.Rows[row]
		fr.Marks = append(fr.Marks, figure.Mark{Value: r.mark(), Shape: figure.ShapeOf(place), Hollow: r.Won == 0})
		fr.Title += fmt.Sprintf(" %s %d of %d,", clean(r.Where), r.Won, r.Tries)
	}
	for i := range p.Rows {
		p.Rows[i].Title = strings.TrimSuffix(p.Rows[i].Title, ",")
	}
	if len(p.Rows) == 0 {
		return nil, errors.New("no race was run that could be drawn")
	}
	return p, nil
}

func racePlaces(races []Race) []string {
	var places []string
	for _, r := range races {
		if r.Tries > 0 && !slices.Contains(places, clean(r.Where)) {
			places = append(places, clean(r.Where))
		}
	}
	sortPlaces(places)
	return places[:min(len(places), maxPlaces)]
}

// sortPlaces puts the host first: the rest is by name.
func sortPlaces(places []string) {
	slices.SortFunc(places, func(a, b string) int {
		switch {
		case a == b:
			return 0
		case a == "host":
			return -1
		case b == "host":
			return 1
		}
		return cmp.Compare(a, b)
	})
}

// sortedRaces are those of a mechanism together, as the catalogue has them.
func sortedRaces(races []Race) []Race {
	races = slices.Clone(races)
	slices.SortStableFunc(races, func(a, b Race) int {
		return cmp.Or(cmp.Compare(mechRank(a.Mech), mechRank(b.Mech)), cmp.Compare(a.Mech, b.Mech))
	})
	return races
}

func (d *digest) raceSection() *Section {
	if len(d.races) == 0 {
		return nil
	}
	var kernels []checkPlace
	for _, r := range d.races {
		kernels = append(kernels, checkPlace{r.Where, r.Kernel})
	}
	s := &Section{
		ID: "race", Title: "The race",
		Commands: []string{"unotify-bench abi race" + onKernels(kernels)},
		Text: []template.HTML{"Somebody changes the path of an openat all the time, while a supervisor reads, approves and acts: a thread of the caller, " +
			"a process in the same memory, or one that shares the mapping. Lost is a try in which the kernel acted on bytes that nobody had approved. " +
			"The bound is exact (Clopper and Pearson), 95 %, one-sided. <code>continue-read</code> has to lose, or the attack is too weak to say anything of the others."},
	}
	if pic, err := RacePicture(d.races); err == nil {
		s.Pictures = append(s.Pictures, pic)
	}
	var t *PageTable
	t, s.Notes = d.raceTable()
	s.Tables = []*PageTable{t}
	return s
}

// raceTable has a line an attack, and notes for what did not go as it must.
func (d *digest) raceTable() (*PageTable, []string) {
	places := d.racedPlaces()
	t := &PageTable{Caption: "tries that were lost", Groups: []PageGroup{{"", 2}}, Head: []string{"mechanism", "attack"}, Text: 2}
	for _, p := range places {
		t.Groups = append(t.Groups, PageGroup{p, 4})
		t.Head = append(t.Head, "lost", "of", "rate", "at most")
	}
	var notes []string
	at := map[[2]string]int{}
	for _, r := range sortedRaces(d.races) {
		place := slices.Index(places, clean(r.Where))
		if place < 0 {
			continue
		}
		row, ok := at[[2]string{r.Mech, r.Attack}]
		if !ok {
			row = len(t.Rows)
			at[[2]string{r.Mech, r.Attack}] = row
			t.Rows = append(t.Rows, PageRow{Cells: append([]PageCell{mechCell(r.Mech), {Text: clean(r.Attack)}}, make([]PageCell, 4*len(places))...)})
		}
		class := map[string]string{"lost": "bad", "error": "bad", "weak": "bad", "n/a": "na"}[r.Verdict]
		cells := t.Rows[row].Cells[2+4*place:]
		cells[0] = PageCell{Text: clean(r.Verdict), Class: class, Title: clean(r.Text)}
		if r.Tries > 0 {
			copy(cells, words(fmt.Sprint(r.Won), fmt.Sprint(r.Tries), rate(r.Rate), rate(r.Upper)))
			cells[0].Class = class
		}
		if class == "bad" {
			notes = append(notes, oneLine(fmt.Sprintf("%s, %s, %s: %s %s", r.Where, r.Mech, r.Attack, r.Verdict, cut(r.Text, 300))))
		}
	}
	return t, notes
}

func (d *digest) racedPlaces() []string {
	var places []string
	for _, r := range d.races {
		if !slices.Contains(places, clean(r.Where)) {
			places = append(places, clean(r.Where))
		}
	}
	return places
}

// rate prints a part of 1, with three digits, or two where it is small.
func rate(v float64) string {
	if v == 0 || v >= 0.001 {
		return fmt.Sprintf("%.3g", v)
	}
	return strconv.FormatFloat(v, 'f', min(1-int(math.Floor(math.Log10(v))), 20), 64)
}

// raceSum is what all races of a mechanism come to.
type raceSum struct {
	tries, won int
	worst      Race // that was lost most often
	bad        bool // it could not be carried out
}

func (d *digest) raceSums() map[string]raceSum {
	sums := map[string]raceSum{}
	for _, r := range d.races {
		s := sums[r.Mech]
		s.tries, s.won = s.tries+r.Tries, s.won+r.Won
		s.bad = s.bad || r.Verdict == "error"
		if r.Won > 0 && r.Rate > s.worst.Rate {
			s.worst = r
		}
		sums[r.Mech] = s
	}
	return sums
}

// bound is the exact 95 % upper bound of what was not seen in n tries: of
// Clopper and Pearson's, the one case with a formula.
func bound(n int) float64 {
	return 1 - math.Pow(0.05, 1/float64(n))
}
