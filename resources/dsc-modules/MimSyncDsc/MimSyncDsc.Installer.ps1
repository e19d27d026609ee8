# The child process of Set: see Start-InstallerChild and Invoke-InstallerChild in the seam.
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
Import-Module -Name "$PSScriptRoot\MimSyncDsc.Windows.psm1"
Invoke-InstallerChild
