package result

import (
	"encoding/json"
	"fmt"
	"os"
)

// Read reads what a file holds: a result or a comparison. The other one is nil.
func Read(file string) (*Result, *Comparison, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	var is struct{ Schema string }
	if err := json.Unmarshal(text, &is); err != nil {
		return nil, nil, fmt.Errorf("%s: is nothing that was saved with --json: %w", file, err)
	}
	switch is.Schema {
	case Schema:
		r, err := Load(file)
		return r, nil, err
	case ComparisonSchema:
		c, err := LoadComparison(file)
		return nil, c, err
	}
	return nil, nil, fmt.Errorf("%s: schema %q: this program reads %q and %q", file, is.Schema, Schema, ComparisonSchema)
}
