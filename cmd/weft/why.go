package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"

	"weft"
	"weft/cmd/weft/internal/view"
)

// whyTokens is how many tokens /why shows unless told otherwise.
const whyTokens = 12

// why shows, for tokens of the last answer, what else was likely.
func (t *talk) why(arg string) error {
	tokens := t.last.Tokens
	if len(tokens) == 0 {
		return errors.New("there is no answer to explain yet")
	}
	n := whyTokens
	switch count, err := strconv.Atoi(arg); {
	case arg == "all":
		n = len(tokens)
	case arg == "":
	case err != nil || count < 1:
		return fmt.Errorf("%q is no number of tokens", arg)
	default:
		n = count
	}
	fmt.Fprintln(t.ui, t.faint("the model's own probabilities, before temperature and the other options"))
	for _, row := range t.whyTable(tokens[max(0, len(tokens)-n):], t.columns()) {
		fmt.Fprintln(t.ui, row)
	}
	return nil
}

// maxPiece is the widest a token gets in the table.
const maxPiece = 20

// whyTable has a row per token: its text, its probability, and as many of the
// alternatives as fit.
func (t *talk) whyTable(tokens []weft.Token, columns int) []string {
	first := len("token")
	for _, tok := range tokens {
		first = max(first, min(maxPiece, lipgloss.Width(t.piece(tok.ID))))
	}
	const chance = 6 // columns of a probability
	rows := []string{t.faint(padRight("token", first) + "  " + "chance" + "  instead")}
	for _, tok := range tokens {
		row := padRight(shorten(t.piece(tok.ID), maxPiece), first) + "  " + t.accent(percent(math.Exp(tok.LogProb))) + "  "
		left := columns - first - 2 - chance - 2
		for _, c := range tok.Top {
			if c.ID == tok.ID {
				continue
			}
			piece, p := shorten(t.piece(c.ID), maxPiece), strings.TrimSpace(percent(c.P()))
			if left -= lipgloss.Width(piece) + 1 + len(p) + 2; left < -2 { // the last needs no gap after it
				break
			}
			row += piece + " " + t.faint(p) + "  "
		}
		rows = append(rows, strings.TrimRight(row, " "))
	}
	return rows
}

// piece is a token's text, or a name for what has none.
func (t *talk) piece(id int32) string { return view.Visible(t.model.Tokenizer.Piece(id)) }

// percent writes a probability in six columns, never 0 or 100 unless it is.
func percent(p float64) string {
	switch {
	case p >= 1:
		return "  100%"
	case p > 0.9995:
		return ">99.9%"
	case p < 0.001:
		return " <0.1%"
	}
	return fmt.Sprintf("%5.1f%%", p*100)
}

func padRight(s string, columns int) string {
	return s + strings.Repeat(" ", max(0, columns-lipgloss.Width(s)))
}

// shorten cuts text to some columns.
func shorten(s string, columns int) string {
	if lipgloss.Width(s) <= columns {
		return s
	}
	out, width := "", 1
	for _, r := range s {
		if width += lipgloss.Width(string(r)); width > columns {
			break
		}
		out += string(r)
	}
	return out + "…"
}
