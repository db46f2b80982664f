"""What every page shares: stylesheets, icons, navigation, form markup, theme, clock. Knows no other app."""
