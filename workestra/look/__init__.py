"""What every page shares: stylesheets, icons, navigation, form markup, the theme and the clock. Knows no other app."""
