package museum

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// grow answers the edited text of each file of a plant, by its path from the root.
func (p *Plant) grow(root string) (map[string]string, error) {
	texts := map[string]string{}
	for _, e := range p.Edits {
		text, ok := texts[e.File]
		if !ok {
			b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(e.File)))
			if err != nil {
				return nil, fmt.Errorf("the table has rotted: %w", err)
			}
			text = string(b)
		}
		if n := strings.Count(text, e.Find); n != 1 {
			return nil, fmt.Errorf("the table has rotted: %s has %d times, and must have once:\n%s", e.File, n, e.Find)
		}
		texts[e.File] = strings.Replace(text, e.Find, e.Put, 1)
	}
	return texts, nil
}

// overlay writes the edited files to a directory, and with them the file that tells
// go test to take them for the originals.
func (p *Plant) overlay(root, dir string) (path string, err error) {
	texts, err := p.grow(root)
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for file, text := range texts {
		edited := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(edited, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, filepath.FromSlash(file))] = edited
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, b, 0o600)
}
