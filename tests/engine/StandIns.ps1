# To be dot-sourced by tests: types and commands that stand in for those that only Windows has (StandIns.cs).
if (-not ('MimcStandIns.Json' -as [type])) { Add-Type -TypeDefinition ([System.IO.File]::ReadAllText("$PSScriptRoot/StandIns.cs")) }

. (Join-Path -Path $PSScriptRoot -ChildPath 'Copies.ps1')

# Access lists do not exist here: objects that remember what they were told.
$global:Acl = @{ Owner = 'S-1-5-32-544'; Sddl = @{} }
function global:Get-Acl {
    param([string] $LiteralPath)
    $acl = [pscustomobject] @{ Sddl = ''; Owner = $global:Acl.Owner }
    Add-Member -InputObject $acl -MemberType ScriptMethod -Name GetOwner -Value { param($kind) [pscustomobject] @{ Value = $this.Owner } }
    Add-Member -InputObject $acl -MemberType ScriptMethod -Name SetSecurityDescriptorSddlForm -Value { param($text) $this.Sddl = $text }
    $acl
}
function global:Set-Acl { param([string] $LiteralPath, [object] $AclObject) $global:Acl.Sddl[$LiteralPath] = $AclObject.Sddl }

# What would be another JSON in Windows PowerShell is an error.
function global:ConvertTo-Json {
    param([object] $InputObject, [int] $Depth = 2, [switch] $Compress)
    $trap = [MimcStandIns.Json]::Trap($InputObject)
    if ($trap) { throw "Windows PowerShell would not write this as meant: $trap" }
    Microsoft.PowerShell.Utility\ConvertTo-Json -InputObject $InputObject -Depth $Depth -Compress:$Compress
}

function Remove-Command { Remove-Item -Path Function:\Get-Acl, Function:\Set-Acl, Function:\ConvertTo-Json -ErrorAction Ignore }
