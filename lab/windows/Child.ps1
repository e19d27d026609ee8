# The child process of Set: the lab's stand-ins first, then the module's own MimSyncDsc.Installer.ps1.
param([string] $Script)
Import-Module -Name "$PSScriptRoot/MimcLab.psm1" -Global
& $Script
