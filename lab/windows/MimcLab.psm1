# Commands that stand in for those that only Windows has. Autoloading would find them; the lab imports them at once.
using module ./MimcLab.Types.psm1
Set-StrictMode -Version Latest

function ConvertTo-Instance {
    # What a CIM instance looks like to a script: an object, and lists of objects.
    param([object] $Value)
    if ($Value -is [hashtable]) {
        $map = [ordered]@{}
        foreach ($key in $Value.Keys) { $map[$key] = ConvertTo-Instance -Value $Value[$key] }
        return [pscustomobject] $map
    }
    if ($Value -is [array]) {
        $items = @(foreach ($item in $Value) { ConvertTo-Instance -Value $item })
        return , $items
    }
    $Value
}

function Invoke-CimMethod {
    <# .SYNOPSIS
    A method of the lab's Local Configuration Manager. #>
    [CmdletBinding()]
    param([string] $Namespace, [string] $ClassName, [string] $MethodName, [System.Collections.IDictionary] $Arguments = @{})
    if ($Namespace -ne 'root/Microsoft/Windows/DesiredStateConfiguration' -or $ClassName -ne 'MSFT_DSCLocalConfigurationManager') {
        throw "the lab has no class $ClassName in $Namespace"
    }
    $with = @{}
    foreach ($name in $Arguments.Keys) {
        $with[$name.ToLowerInvariant()] = $Arguments[$name]
        if ($Arguments[$name] -is [byte[]]) { $with[$name.ToLowerInvariant()] = [System.Convert]::ToBase64String($Arguments[$name]) }
    }
    $answer = [LabBridge]::Ask('lcm', @{ method = $MethodName; arguments = $with })
    if ($answer -is [hashtable] -and $answer.ContainsKey('cimError')) {
        $failure = New-Object System.InvalidOperationException($answer['cimError'])
        $PSCmdlet.ThrowTerminatingError((New-Object System.Management.Automation.ErrorRecord($failure, 'MI RESULT 1', 'NotSpecified', $null)))
    }
    ConvertTo-Instance -Value $answer
}

function Get-Service {
    <# .SYNOPSIS
    The one service that the lab knows. #>
    [CmdletBinding()]
    param([string] $Name)
    $status = [LabBridge]::Ask('service', @{ name = $Name })
    if ($status) { [pscustomobject] @{ Name = $Name; Status = $status } }
    else { Write-Error -Message "Cannot find any service with service name '$Name'." -ErrorId 'NoServiceFoundForGivenName' }
}

function Start-Service {
    <# .SYNOPSIS
    Start the one service that the lab knows. #>
    [CmdletBinding()]
    param([string] $Name)
    [void] [LabBridge]::Ask('service.set', @{ name = $Name; running = $true })
}

function Stop-Service {
    <# .SYNOPSIS
    Stop it. #>
    [CmdletBinding()]
    param([string] $Name, [switch] $Force)
    [void] [LabBridge]::Ask('service.set', @{ name = $Name; running = $false })
}

function Get-Acl {
    <# .SYNOPSIS
    Whatever the lab has belongs to Administrators. #>
    [CmdletBinding()]
    param([string] $LiteralPath)
    New-Object System.Security.AccessControl.DirectorySecurity
}

function Set-Acl {
    <# .SYNOPSIS
    Nothing: the lab's folder is closed as a whole. #>
    [CmdletBinding()]
    param([string] $LiteralPath, [object] $AclObject)
}

function Get-AuthenticodeSignature {
    <# .SYNOPSIS
    What the lab says of its media. #>
    [CmdletBinding()]
    param([string] $LiteralPath)
    $answer = [LabBridge]::Ask('signature', @{ path = $LiteralPath })
    $certificate = $null
    if ($answer['subject']) { $certificate = [pscustomobject] @{ Subject = $answer['subject'] } }
    [pscustomobject] @{ Status = $answer['status']; SignerCertificate = $certificate }
}

function Mount-DiskImage {
    <# .SYNOPSIS
    An image is a folder with the package in it, beside its own name. #>
    [CmdletBinding()]
    param([string] $ImagePath, [string] $StorageType, [string] $Access, [switch] $PassThru)
    [void] [LabBridge]::Ask('image.mount', @{ path = $ImagePath })
    [void] (New-PSDrive -Name Z -PSProvider FileSystem -Root "$env:MIMC_LAB_DRIVES/Z" -Scope Global)
    [pscustomobject] @{ ImagePath = $ImagePath }
}

function Get-Volume {
    <# .SYNOPSIS
    The volume of a mounted image. #>
    [CmdletBinding()]
    param([Parameter(ValueFromPipeline = $true)] [object] $DiskImage)
    process { [pscustomobject] @{ DriveLetter = [char] 'Z' } }
}

function Dismount-DiskImage {
    <# .SYNOPSIS
    Take the image away. #>
    [CmdletBinding()]
    param([string] $ImagePath)
    Remove-PSDrive -Name Z -Scope Global
    [void] [LabBridge]::Ask('image.dismount', @{ path = $ImagePath })
}

function Set-NetFirewallRule {
    <# .SYNOPSIS
    Enable or disable a rule. #>
    [CmdletBinding()]
    param([string] $Name, [string] $Enabled)
    [void] [LabBridge]::Ask('firewall.set', @{ name = $Name; enabled = $Enabled -eq 'True' })
}

function Remove-NetFirewallRule {
    <# .SYNOPSIS
    Remove a rule. #>
    [CmdletBinding()]
    param([string] $Name)
    [void] [LabBridge]::Ask('firewall.remove', @{ name = $Name })
}

function New-NetFirewallRule {
    <# .SYNOPSIS
    Make a rule. #>
    [CmdletBinding()]
    param([string] $Name, [string] $DisplayName, [string] $Program, [string] $Service, [string] $LocalPort, [string] $Direction, [string] $Action, [string] $Protocol, [string] $Enabled)
    [void] [LabBridge]::Ask('firewall.new', @{ name = $Name; display = $DisplayName; program = $Program; service = $Service; port = $LocalPort })
}

function Copy-Item {
    <# .SYNOPSIS
    The command itself, with paths of the lab's drives and shares. #>
    [CmdletBinding()]
    param([string] $LiteralPath, [string] $Destination, [switch] $Recurse, [switch] $Force)
    Microsoft.PowerShell.Management\Copy-Item -LiteralPath ([LabPath]::Map($LiteralPath)) -Destination ([LabPath]::Map($Destination)) -Recurse:$Recurse -Force:$Force
}

function New-Object {
    <# .SYNOPSIS
    The command itself, with paths of the lab's drives. A class of ours would wrap the error that a script waits for. #>
    [CmdletBinding()]
    param([Parameter(Position = 0)] [string] $TypeName, [Parameter(Position = 1)] [object[]] $ArgumentList = @(), [System.Collections.IDictionary] $Property = @{})
    if ($TypeName -in 'System.IO.FileStream', 'System.IO.FileInfo') { $ArgumentList[0] = [LabPath]::Map($ArgumentList[0]) }
    Microsoft.PowerShell.Utility\New-Object -TypeName $TypeName -ArgumentList $ArgumentList -Property $Property
}

function Add-Type {
    <# .SYNOPSIS
    The command itself, but for the declarations of msi.dll, which is not here. #>
    [CmdletBinding()]
    param([string] $AssemblyName, [string] $Namespace, [string] $Name, [string] $MemberDefinition)
    if ("$Namespace.$Name" -in 'MimSync.Installer', 'MimSync.Package') { return }
    Microsoft.PowerShell.Utility\Add-Type @PSBoundParameters
}

function Read-LabTask {
    <# .SYNOPSIS
    The one line on stdin. #>
    [LabBridge]::Plain([System.Console]::In.ReadLine())
}

foreach ($letter in 'C', 'D', 'E') { [void] (New-PSDrive -Name $letter -PSProvider FileSystem -Root "$env:MIMC_LAB_DRIVES/$letter" -Scope Global) }
Export-ModuleMember -Function *-* -Cmdlet @()
